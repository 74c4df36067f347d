"""The daemon on a node of a cluster: all objects meet here, and one TaskGroup owns every task."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
from collections.abc import Callable, Coroutine
from typing import Any

from netattach_core.api.network_selection import SelectionSettings
from netattach_kube import api as kube_api
from netattach_kube import health
from netattach_kube.api import Api
from netattach_kube.cluster_settings import StatusForPlainPods
from netattach_plugin.cluster.kube_store import KubeStore
from netattach_plugin.cluster.plain_pod_status import PlainPodStatus
from netattach_plugin.cluster.pod_events import PodEvents
from netattach_plugin.cluster.settings_file import SettingsFile
from netattach_plugin.cluster.status_queue import StatusQueue
from netattach_plugin.cluster.uninstall_watch import UninstallWatch
from netattach_plugin.engine.engine import Engine
from netattach_plugin.engine.network_resolver import NetworkResolver
from netattach_plugin.metrics import Metrics
from netattach_plugin.netlink import changes
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.dhcp_daemon import DhcpDaemon
from netattach_plugin.node.installer import Installer
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.node.inventory_publisher import InventoryPublisher
from netattach_plugin.node.kubelet_devices import KubeletDevices
from netattach_plugin.node.primary_compiler import PrimaryCompiler, unselective_pods
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.settings import Settings
from netattach_plugin.state import handover
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.device_info_files import DeviceInfoFiles
from netattach_plugin.state.shim_ledger import ShimLedger
from netattach_plugin.wiring import shared

VERSION = importlib.metadata.version("netattach")


async def serve(read: Settings, stop: asyncio.Event) -> None:
    """Serves until `stop` is set; then, where that is an uninstallation, gives the node back to its primary network."""
    async with kube_api.connected("netattach-daemon", VERSION, read.kubeconfig) as api:
        await _Daemon(read, api).serve(stop)


class _Daemon:
    """What belongs together on one node."""

    def __init__(self, read: Settings, api: Api) -> None:
        self._read = read
        about = {"kernel": platform.release(), "versions": {"daemon": VERSION, "shim": VERSION}}
        self._settings, links = SettingsFile(read.config), NetlinkLinks()
        self._ledger = ledger = ShimLedger(read.ledger, read.plugin_deadline, read.leases)
        networks = CniConfDir(read.conf_dir, lambda: self._selection().primary)
        woken = asyncio.Event()
        self._wake = woken.set
        self._store = KubeStore(api, read.node, about, node_changed=self._wake)
        self._ledger, self._foreign = ledger, CniCaches(read.multus, read.libcni)
        self._dhcp = DhcpDaemon(read.dhcp, read.bin_dir, ledger, self._wake)
        self._inventory = InventoryPublisher(
            self._store,
            InventoryCollector(read.node, self._store, links, networks, read.bin_dir, self._dhcp.inventory),
            (read.conf_dir, read.bin_dir),
            woken,
        )
        compiler = PrimaryCompiler(
            ledger=read.ledger,
            conf_dir=read.conf_dir,
            networks=networks,
            deadline=read.plugin_deadline,
            unselective_pods=lambda: unselective_pods(self._selection()),
            chosen_by_settings=lambda: bool(self._selection().primary),
        )
        self._installer = Installer(
            shim=read.shim,
            bin_dir=read.bin_dir,
            conf_dir=read.conf_dir,
            networks=networks,
            uninstall_chain=UninstallChain(read.conf_dir, read.ledger),
            compile_default_network=compiler.compile,
        )
        self._fate = UninstallWatch(api, read.namespace, read.daemon_set)
        self._events = PodEvents(api, read.node)
        self._status = StatusQueue(
            self._store, wait=read.status_wait, for_plain_pods=self._plain_pods_have_status
        )
        self._plain_pods = PlainPodStatus(read.ledger, self._status)
        self._metrics = Metrics(
            pending_status_writes=lambda: self._status.waiting, ledger_entries=ledger.count
        )
        self._device_files = DeviceInfoFiles(read.device_info)
        engine = Engine(
            pod_networks=NetworkResolver(
                self._store,
                networks,
                KubeletDevices(read.pod_resources, self._store.resource_slices),
                self._selection,
            ),
            ledger=ledger,
            foreign=self._foreign,
            networks=networks,
            links=links,
            status=self._status,
            events=self._events,
            device_files=self._device_files,
            plugin_deadline=read.plugin_deadline,
        )
        self._server, self._recovery = shared.build(
            read, engine, ledger=ledger, store=self._store, status=self._status, observe=self._metrics.observe
        )

    async def serve(self, stop: asyncio.Event) -> None:
        beside: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "store": self._store.run,
            "fate": self._fate.run,
            "events": self._events.run,
            "status": self._status.run,
            "plain pods": self._plain_pods.run,
            "settings": self._settings.run,
            "inventory": self._inventory.run,
            "dhcp": self._dhcp.run,
            "install": self._install,
            "recovery": self._recovery.run,
            "device files": self._keep_device_files,
        }
        ready = (lambda: self._installer.problem, self._inventory.problem, self._store_problem)
        probed = health.served(
            self._read.health, live=(self._server.problem,), ready=ready, metrics=self._metrics.registry
        )
        async with probed, self._ledger.locked(), asyncio.TaskGroup() as tasks:
            await handover.reclaim(self._ledger, self._foreign)
            await self._recovery.read()
            running = [tasks.create_task(run(), name=name) for name, run in beside.items()]
            with changes.watched(self._wake):
                ended = asyncio.Event()
                serving = tasks.create_task(self._server.serve(ended, drain=self._read.drain), name="server")
                await stop.wait()
                uninstalled = await self._fate.uninstalled()
                if uninstalled:
                    needed = await handover.has_secondary_networks(self._ledger)
                    await asyncio.to_thread(self._installer.uninstall, keep_shim_in_chain=needed)
                ended.set()
                await serving
            if uninstalled:
                await handover.export(self._ledger, self._foreign)
            await self._status.flush()
            for task in running:
                task.cancel()

    async def _keep_device_files(self) -> None:
        await self._device_files.run(self._ledger.container_ids)

    async def _install(self) -> None:
        """A runtime calls us as soon as our conf is there, so first somebody has to listen."""
        await self._server.listening.wait()
        await self._installer.run()

    def _plain_pods_have_status(self) -> bool:
        return self._settings.current.status_for_plain_pods is StatusForPlainPods.ASYNC

    def _selection(self) -> SelectionSettings:
        return self._settings.current.validation.selection

    def _store_problem(self) -> str | None:
        return None if self._store.synced else "the NetworkAttachmentDefinitions are not known yet"
