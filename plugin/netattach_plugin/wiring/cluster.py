"""The daemon on a node of a cluster."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.policy.settings import PolicySettings
from netattach_core.validation.settings import ClusterNetworks
from netattach_core.version import VERSION
from netattach_kube import api as kube_api
from netattach_kube import health
from netattach_kube.api import Api
from netattach_kube.cluster_settings import (
    AddedInterfaceEvents,
    SkipIdlePlugins,
    StatusForPlainPods,
    Takeover,
)
from netattach_kube.namespace_labels import NamespaceLabels
from netattach_plugin.cluster.event_queue import EventQueue
from netattach_plugin.cluster.kube_store import KubeStore
from netattach_plugin.cluster.namespace_policies import NamespacePolicies
from netattach_plugin.cluster.settings_file import SettingsFile
from netattach_plugin.cluster.uninstall_watch import UninstallWatch
from netattach_plugin.metrics import Metrics
from netattach_plugin.netlink import changes
from netattach_plugin.node.bypass_watch import BypassWatch
from netattach_plugin.node.first_place import FirstPlace
from netattach_plugin.node.installer import Installer
from netattach_plugin.node.inventory_publisher import InventoryPublisher
from netattach_plugin.node.node_surroundings import KnownSurroundings
from netattach_plugin.node.own_conflist import OwnConflist
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.node.uninstaller import Uninstaller
from netattach_plugin.settings import Settings
from netattach_plugin.state import handover
from netattach_plugin.wiring import shared
from netattach_plugin.wiring.shared import Components, Job


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serves until `stop` is set; then, on an uninstall, gives the node back to its default network."""
    async with kube_api.connected("netattach-daemon", VERSION, settings.kubeconfig) as api:
        await _Daemon(settings, api).serve(stop)


class _Daemon:
    """The components, and what only a cluster has."""

    def __init__(self, settings: Settings, api: Api) -> None:
        self._settings = settings
        self._cluster_settings = SettingsFile(settings.config)
        self._node_changed = asyncio.Event()
        about = {"kernel": platform.release(), "versions": {"daemon": VERSION, "shim": VERSION}}
        self._surroundings = KnownSurroundings(self._subnets)
        self._store = KubeStore(
            api,
            settings.node,
            about,
            node_changed=self._node_changed.set,
            nad_changed=self._surroundings.put_nad,
        )
        self._namespaces = NamespaceLabels(api)
        self._events = EventQueue(api, settings.node, per_interface=self._event_per_interface)
        self._uninstall_watch = UninstallWatch(api, settings.namespace, settings.daemon_set)
        self._metrics = Metrics(
            status_writes=self._pending_status_writes,
            ledger_entries=self._ledger_entries,
            contested=lambda: self._conflist.contest is not None,
        )
        self._conflist = OwnConflist(settings.conf_dir, lost=self._metrics.cni_config_lost)
        self._components = Components(
            settings,
            self._store,
            self._events,
            selection=self._selection,
            policies=NamespacePolicies(self._policy, self._namespaces.labels),
            surroundings=self._surroundings,
            policy_found=self._metrics.policy_found,
            resource_slices=self._store.resource_slices,
            status_for_plain_pods=self._status_for_plain_pods,
            skip_idle_plugins=self._skip_idle_plugins,
            native_plugins=lambda: self._cluster_settings.current.native_plugins,
            node_changed=self._node_changed.set,
            observe=self._metrics.observe,
        )
        self._inventory = InventoryPublisher(
            self._store,
            self._components.inventory_collector,
            lambda: (settings.conf_dir, *self._components.plugin_directories.paths),
            self._node_changed,
            collected=self._surroundings.put_inventory,
        )
        networks, conf_dir = self._components.networks, settings.conf_dir
        uninstall_chain = UninstallChain(conf_dir, settings.ledger)
        self._bypass_watch = BypassWatch(settings.libcni, conf_dir, lambda: self._conflist.first_since)
        self._installer = Installer(
            shim=ShimBinary(settings.shim, settings.bin_dir[0], how_to_install=_how_to_install(settings)),
            conflist=self._conflist,
            networks=networks,
            uninstall_chain=uninstall_chain,
            first_place=FirstPlace(conf_dir, settings.ledger, self._takeover, self._selection),
            compile_default_network=self._components.primary_compiler.compile,
            contested=self._events.contested,
        )
        self._uninstaller = Uninstaller(
            installer=self._installer, conf_dir=conf_dir, networks=networks, uninstall_chain=uninstall_chain
        )

    async def serve(self, stop: asyncio.Event) -> None:
        components = self._components
        probes = health.served(
            self._settings.health,
            live=(components.server.problem,),
            ready=(
                lambda: self._installer.problem,
                lambda: self._components.runtime_paths.problem,
                lambda: self._bypass_watch.problem,
                self._inventory.problem,
                self._store_problem,
                self._namespaces_problem,
            ),
            metrics=self._metrics.registry,
        )
        async with probes, components.ledger.locked():
            await asyncio.to_thread(components.remove_leftovers)
            await handover.reclaim(components.ledger, components.caches)
            await components.recovery.read()
            async with shared.running(self._jobs) as tasks:
                uninstalled = await self._serve_calls(stop, tasks)
                if uninstalled:
                    await handover.export(components.ledger, components.caches)
                await components.status.flush()
            await components.ledger.compact()

    async def _serve_calls(self, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> bool:
        """Until `stop` is set; whether netattach is being uninstalled, and then removed from the node before calls end."""
        components = self._components
        with changes.watched(self._node_changed.set):
            ended = asyncio.Event()
            serving = tasks.create_task(
                components.server.serve(ended, drain=self._settings.drain), name="server"
            )
            await stop.wait()
            uninstalled = await self._uninstall_watch.uninstalled()
            if uninstalled:
                keep = await handover.has_secondary_networks(components.ledger)
                await asyncio.to_thread(self._uninstaller.uninstall, keep_shim_in_chain=keep)
            ended.set()
            await serving
        return uninstalled

    @property
    def _jobs(self) -> Mapping[str, Job]:
        return {
            **self._components.jobs,
            "store": self._store.run,
            "namespaces": self._namespaces.run,
            "surroundings": lambda: self._surroundings.run(self._store.synced),
            "uninstall watch": self._uninstall_watch.run,
            "events": self._events.run,
            "settings": self._cluster_settings.run,
            "inventory": self._inventory.run,
            "install": self._install,
            "bypass watch": self._bypass_watch.run,
        }

    async def _install(self) -> None:
        """After the server listens: a runtime calls as soon as the CNI config is there."""
        await self._components.server.listening.wait()
        await self._installer.run()

    def _status_for_plain_pods(self) -> bool:
        return self._cluster_settings.current.status_for_plain_pods is StatusForPlainPods.ASYNC

    def _policy(self) -> PolicySettings:
        return self._cluster_settings.current.policy

    def _subnets(self) -> ClusterNetworks:
        return self._cluster_settings.current.validation.networks

    def _skip_idle_plugins(self) -> bool:
        return self._cluster_settings.current.skip_idle_plugins is SkipIdlePlugins.AUTO

    def _takeover(self) -> bool:
        return self._cluster_settings.current.takeover is Takeover.AUTO

    def _event_per_interface(self) -> bool:
        return self._cluster_settings.current.added_interface_events is AddedInterfaceEvents.PER_INTERFACE

    def _selection(self) -> SelectionSettings:
        return self._cluster_settings.current.validation.selection

    def _pending_status_writes(self) -> int:
        return self._components.status.waiting

    def _ledger_entries(self) -> int:
        return self._components.ledger.count()

    def _store_problem(self) -> str | None:
        return None if self._store.synced.is_set() else "the NetworkAttachmentDefinitions are not known yet"

    def _namespaces_problem(self) -> str | None:
        return None if self._namespaces.synced.is_set() else "the labels of the namespaces are not known yet"


def _how_to_install(settings: Settings) -> str:
    """The init container, which alone can write to the directory of the plugins, runs when a pod of the DaemonSet starts."""
    restart = f"kubectl --namespace {settings.namespace} rollout restart daemonset/{settings.daemon_set}"
    return f"install it again: {restart}"
