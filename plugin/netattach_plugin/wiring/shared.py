"""What a daemon consists of in a cluster and standalone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.cni import netattach_conf
from netattach_core.native import drivers
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import PendingDeletes
from netattach_plugin.calls.recovery import Recovery
from netattach_plugin.calls.sandbox_lock import SandboxLocks
from netattach_plugin.calls.server import Server
from netattach_plugin.cluster.network_status_queue import NetworkStatusQueue
from netattach_plugin.cluster.plain_pod_status import PlainPodStatus
from netattach_plugin.engine.engine import Engine
from netattach_plugin.engine.gate import Gate
from netattach_plugin.engine.network_resolver import NetworkResolver
from netattach_plugin.engine.node_selector_gate import NodeSelectorGate
from netattach_plugin.engine.policy_gate import PolicyGate
from netattach_plugin.files import atomic_file
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.node import tuning_allowlist
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.dhcp_leases import DhcpLeases
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.node.kubelet_devices import KubeletDevices, Slices
from netattach_plugin.node.plugin_directories import PluginDirectories
from netattach_plugin.node.primary_compiler import PrimaryCompiler, unselective_pods
from netattach_plugin.node.runtime_paths import RuntimePaths
from netattach_plugin.ports import Events, NodeSurroundings, Policies, Store
from netattach_plugin.settings import Settings
from netattach_plugin.state.address_store import NodeAddressStore
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.device_info_files import DeviceInfoFiles
from netattach_plugin.state.host_local_leases import HostLocalLeases
from netattach_plugin.state.host_local_store import HostLocalStore
from netattach_plugin.state.shim_ledger import ShimLedger

Job = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What a cluster, or its absence, gives to the components. The functions are asked at each use: settings change."""

    store: Store
    events: Events
    policies: Policies
    surroundings: NodeSurroundings
    selection: Callable[[], SelectionSettings]
    resource_slices: Slices | None = None
    status_for_plain_pods: Callable[[], bool] = lambda: True
    skip_idle_plugins: Callable[[], bool] = lambda: True
    native_plugins: Callable[[], frozenset[str]] = lambda: drivers.TYPES
    node_changed: Callable[[], None] = lambda: None
    policy_found: Callable[[str, str], None] = lambda *_: None
    observe: Callable[[str, bool, float], None] = lambda *_: None


class Components:
    """Built once from the settings."""

    def __init__(self, settings: Settings, outside: Outside) -> None:
        self._settings, self._outside = settings, outside
        store = outside.store
        self._devices = KubeletDevices(settings.pod_resources, outside.resource_slices)
        self._links = NetlinkLinks()
        self._device_files = DeviceInfoFiles(settings.device_info)
        self.ledger = ShimLedger(settings.ledger, settings.plugin_deadline, outside.skip_idle_plugins)
        self._leases = HostLocalLeases(settings.leases)
        self.caches = CniCaches(settings.multus, settings.libcni)
        self.networks = CniConfDir(settings.conf_dir, lambda: outside.selection().primary)
        self.status = NetworkStatusQueue(
            store, wait=settings.status_wait, for_plain_pods=outside.status_for_plain_pods
        )
        self._plain_pod_status = PlainPodStatus(settings.ledger, self.status)
        self.plugin_directories = PluginDirectories(settings.bin_dir, outside.node_changed)
        shim = settings.bin_dir[0] / netattach_conf.TYPE
        self.runtime_paths = RuntimePaths(shim, settings.conf_dir, ShimFiles(settings.ledger).chains)
        self._dhcp = DhcpLeases(settings.dhcp, self.plugin_directories, self.ledger, outside.node_changed)
        self.inventory_collector = InventoryCollector(
            settings.node, store, self._links, self.networks, self.plugin_directories, self._dhcp.inventory
        )
        self.primary_compiler = self._primary_compiler()
        engine = self._engine()
        queue = CallQueue(settings.calls_at_once, SandboxLocks(settings.socket).lock_if_free)
        pending = PendingDeletes(engine.retry_delete, queue)
        self.recovery = self._recovery(queue, pending)
        self.server = self._server(engine, queue, pending)

    @property
    def jobs(self) -> Mapping[str, Job]:
        """What runs concurrently with the calls, by task name."""
        return {
            "status": self.status.run,
            "plain pods": self._plain_pod_status.run,
            "dhcp leases": self._dhcp.run,
            "recovery": self.recovery.run,
            "device files": self._keep_device_files,
        }

    def remove_leftovers(self) -> None:
        """Removes temporary files of a killed daemon from the directories that it shares with others; the ledger does its own."""
        shared = self._settings
        chained = (path for path in shared.conf_dir.glob("*") if path.is_dir())
        caches = (shared.multus, shared.multus / "results", shared.libcni / "results")
        atomic_file.remove_leftovers((shared.conf_dir, *chained, *caches))

    async def _keep_device_files(self) -> None:
        await self._device_files.run(self.ledger.container_ids)

    def _primary_compiler(self) -> PrimaryCompiler:
        selection = self._outside.selection
        return PrimaryCompiler(
            ledger=self._settings.ledger,
            conf_dir=self._settings.conf_dir,
            networks=self.networks,
            deadline=self._settings.plugin_deadline,
            unselective_pods=lambda: unselective_pods(selection()),
            chosen_by_settings=lambda: bool(selection().primary),
            skip_idle_plugins=self._outside.skip_idle_plugins,
        )

    def _recovery(self, queue: CallQueue, pending: PendingDeletes) -> Recovery:
        return Recovery(
            ledger=self.ledger,
            leases=self._leases,
            pending=pending,
            queue=queue,
            pods=self._outside.store,
            status=self.status,
            sweep_after=self._settings.sweep_after,
        )

    def _server(self, engine: Engine, queue: CallQueue, pending: PendingDeletes) -> Server:
        return Server(
            self._settings.socket,
            engine,
            queue,
            pending,
            call_deadline=self._settings.call_deadline,
            observe=self._outside.observe,
            called=self._called,
        )

    def _called(self, environment: Mapping[str, str]) -> None:
        self.runtime_paths.observe(environment)
        has_shim = self.runtime_paths.has_shim
        self.plugin_directories.learn(environment.get("CNI_PATH", ""), has_shim=has_shim)

    def _gates(self) -> Sequence[Gate]:
        outside = self._outside
        return (
            NodeSelectorGate(self._settings.node, outside.store),
            PolicyGate(outside.policies, outside.surroundings, self._devices, outside.policy_found),
        )

    def _engine(self) -> Engine:
        outside = self._outside
        resolver = NetworkResolver(
            pods=outside.store,
            nads=outside.store,
            networks=self.networks,
            devices=self._devices,
            settings=outside.selection,
        )
        return Engine(
            resolver=resolver,
            gates=self._gates(),
            ledger=self.ledger,
            leases=self._leases,
            caches=self.caches,
            networks=self.networks,
            links=self._links,
            status=self.status,
            events=outside.events,
            device_files=self._device_files,
            addresses=NodeAddressStore(HostLocalStore(self._settings.leases)),
            plugin_deadline=self._settings.plugin_deadline,
            skip_idle_plugins=outside.skip_idle_plugins,
            native_plugins=tuning_allowlist.permitted(outside.native_plugins, self._settings.tuning),
        )


@contextlib.asynccontextmanager
async def running(jobs: Mapping[str, Job]) -> AsyncIterator[asyncio.TaskGroup]:
    """Runs the jobs until the context is left; the task group is for more tasks."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(run(), name=name) for name, run in jobs.items()]
        yield tasks
        for task in started:
            task.cancel()
