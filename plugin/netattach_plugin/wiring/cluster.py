"""The daemon on a node of a cluster."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping

from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.version import VERSION
from netattach_kube import api as kube_api
from netattach_kube import health
from netattach_kube.api import Api
from netattach_kube.metrics_server import MetricsServer
from netattach_kube.namespace_labels import NamespaceLabels
from netattach_plugin.calls.unmet_sweep import UnmetSweep
from netattach_plugin.cluster.event_queue import EventQueue
from netattach_plugin.cluster.kube_store import KubeStore
from netattach_plugin.cluster.namespace_policies import NamespacePolicies
from netattach_plugin.cluster.running_pods import RunningPods
from netattach_plugin.cluster.settings_file import SettingsFile
from netattach_plugin.cluster.uninstall_watch import UninstallWatch
from netattach_plugin.metrics import Metrics
from netattach_plugin.netlink import changes
from netattach_plugin.netlink.namespace_links import NamespaceLinks
from netattach_plugin.node import boot
from netattach_plugin.node.inventory_publisher import InventoryPublisher
from netattach_plugin.node.node_surroundings import KnownSurroundings
from netattach_plugin.settings import Settings
from netattach_plugin.state import handover
from netattach_plugin.state.multus_pods import MultusPods
from netattach_plugin.wiring import shared
from netattach_plugin.wiring.installation import Installation
from netattach_plugin.wiring.live_settings import LiveSettings
from netattach_plugin.wiring.shared import Components, Job, Outside

_CLOCK_SECONDS = 5.0
"""By how much the node's clock may have been corrected since it was started."""


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serves until `stop` is set; then, on an uninstall, gives the node back to its default network."""
    async with kube_api.connected("netattach-daemon", VERSION, settings.kubeconfig) as api:
        await _Daemon(settings, api).serve(stop)


class _Daemon:
    """The components, and what only a cluster has."""

    def __init__(self, settings: Settings, api: Api) -> None:
        self._settings = settings
        self._settings_file = SettingsFile(settings.config)
        self._live = LiveSettings(self._settings_file)
        self._node_changed = asyncio.Event()
        self._surroundings = KnownSurroundings(self._live.subnets)
        about = {"kernel": platform.release(), "versions": {"daemon": VERSION, "shim": VERSION}}
        self._store = KubeStore(
            api,
            settings.node,
            about,
            node_changed=self._node_changed.set,
            nad_changed=self._nad_changed,
        )
        self._namespaces = NamespaceLabels(api)
        self._events = EventQueue(api, settings.node, per_interface=self._live.event_per_interface)
        self._uninstall_watch = UninstallWatch(api, settings.namespace, settings.daemon_set)
        self._metrics = self._new_metrics()
        self._metrics_server = MetricsServer(settings.metrics, settings.metrics_tls, self._metrics, api)
        self._components = Components(settings, self._outside())
        self._running_pods = RunningPods(api, settings.node)
        self._inventory = self._new_inventory()
        self._unmet_sweep = self._new_unmet_sweep()
        self._installation = Installation(
            settings,
            self._components,
            self._live,
            lost=self._metrics.cni_config_lost,
            contested=self._events.contested,
        )

    def _outside(self) -> Outside:
        return Outside(
            store=self._store,
            events=self._events,
            policies=NamespacePolicies(self._live.policy, self._namespaces.labels),
            surroundings=self._surroundings,
            selection=self._live.selection,
            resource_slices=self._store.resource_slices,
            status_for_plain_pods=self._live.status_for_plain_pods,
            skip_idle_plugins=self._live.skip_idle_plugins,
            native_plugins=self._live.native_plugins,
            node_changed=self._node_changed.set,
            policy_found=self._metrics.policy_found,
            observe=self._metrics.observe,
            current_nad=self._store.current_nad,
            timings=self._metrics,
        )

    def _new_inventory(self) -> InventoryPublisher:
        components = self._components
        publisher = InventoryPublisher(
            self._store,
            components.inventory_collector,
            lambda: (self._settings.conf_dir, *components.plugin_directories.paths),
            self._node_changed,
            collected=self._surroundings.put_inventory,
            complete=components.reports.complete,
        )
        components.reports.changed = publisher.report_changed
        components.ledger.changed = publisher.counts_changed
        return publisher

    def _new_unmet_sweep(self) -> UnmetSweep:
        return UnmetSweep(
            pods=self._running_pods,
            attached=self._components.ledger.attached,
            ledger=self._components.ledger,
            links=NamespaceLinks(),
            multus=MultusPods(self._settings.multus, self._settings.libcni),
            events=self._events,
            selection=self._live.selection,
            report=self._components.reports.unmet,
            booted=boot.booted() - _CLOCK_SECONDS,
            counted=self._inventory.counts_changed,
        )

    def _nad_changed(self, key: Key, nad: Nad | None) -> None:
        self._surroundings.put_nad(key, nad)
        if self._components.ledger.attached.uses(key):
            self._inventory.nad_changed()
        if nad is None:
            self._metrics.forget_network("/".join(key))

    async def serve(self, stop: asyncio.Event) -> None:
        components, installation = self._components, self._installation
        probes = health.served(
            self._settings.health,
            live=(components.server.problem,),
            ready=(
                lambda: installation.installer.problem,
                lambda: components.runtime_paths.problem,
                lambda: installation.bypass_watch.problem,
                self._inventory.problem,
                self._store_problem,
                self._namespaces_problem,
            ),
            metrics=self._metrics,
            exposed=not self._settings.metrics,
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
                await asyncio.to_thread(self._installation.uninstaller.uninstall, keep_shim_in_chain=keep)
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
            "settings": self._settings_file.run,
            "inventory": self._inventory.run,
            "install": self._install,
            "bypass watch": self._installation.bypass_watch.run,
            "running pods": self._running_pods.run,
            "unmet pods": self._unmet_sweep.run,
            "metrics": self._metrics_server.run,
        }

    async def _install(self) -> None:
        """After the server listens: a runtime calls as soon as the CNI config is there."""
        await self._components.server.listening.wait()
        await self._installation.installer.run()

    def _new_metrics(self) -> Metrics:
        """The gauges are read when they are scraped, so their objects may come later."""
        return Metrics(
            status_writes=lambda: self._components.status.waiting,
            ledger_entries=self._ledger_entries,
            contested=lambda: self._installation.conflist.contest is not None,
            unmet_pods=lambda: self._unmet_sweep.count,
            calls_waiting=lambda: self._components.queue.waiting,
            pending_deletes=lambda: self._components.pending_deletes.count,
        )

    def _ledger_entries(self) -> int:
        return self._components.ledger.count()

    def _store_problem(self) -> str | None:
        return None if self._store.synced.is_set() else "the NetworkAttachmentDefinitions are not known yet"

    def _namespaces_problem(self) -> str | None:
        return None if self._namespaces.synced.is_set() else "the labels of the namespaces are not known yet"
