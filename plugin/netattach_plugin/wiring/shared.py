"""What a daemon consists of in a cluster and standalone."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.api.nad import Nad
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.node_state import Attached, Probe
from netattach_core.api.objects import Key
from netattach_core.attach import probe_network
from netattach_core.cni import netattach_conf
from netattach_core.native import plugin_types
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
from netattach_plugin.engine.probe import ProbeCalls, ProbeNetworks
from netattach_plugin.engine.timings import NO_TIMINGS
from netattach_plugin.files import atomic_file
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.netlink.probe_links import ProbeLinks
from netattach_plugin.node import boot, tuning_allowlist
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.dhcp_leases import DhcpLeases
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.node.kubelet_devices import KubeletDevices, Slices
from netattach_plugin.node.node_reports import NodeReports, timestamp
from netattach_plugin.node.plugin_directories import PluginDirectories
from netattach_plugin.node.primary_compiler import PrimaryCompiler, unselective_pods
from netattach_plugin.node.runtime_paths import RuntimePaths
from netattach_plugin.ports import Events, NodeSurroundings, Policies, Store, Timings
from netattach_plugin.settings import Settings
from netattach_plugin.state.address_store import NodeAddressStore
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.device_info_files import DeviceInfoFiles
from netattach_plugin.state.host_local_leases import HostLocalLeases
from netattach_plugin.state.host_local_store import HostLocalStore
from netattach_plugin.state.indexed_ledger import IndexedLedger
from netattach_plugin.state.ledger import FileLedger
from netattach_plugin.state.probe_file import ProbeFile

_PROBE = "probe"
"""The directory of the probe's ledger, in the ledger's: so the same disk has to take it."""

_PROBE_SECONDS = 10.0

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
    native_plugins: Callable[[], frozenset[str]] = lambda: plugin_types.TYPES
    node_changed: Callable[[], None] = lambda: None
    policy_found: Callable[[str, str], None] = lambda *_: None
    observe: Callable[[str, bool, float], None] = lambda *_: None
    current_nad: Callable[[Key], Nad | None] = lambda _: None
    timings: Timings = NO_TIMINGS


class Components:
    """Built once from the settings."""

    def __init__(self, settings: Settings, outside: Outside) -> None:
        self._settings, self._outside = settings, outside
        store, boot_id = outside.store, boot.boot_id()
        self._devices = KubeletDevices(settings.pod_resources, outside.resource_slices)
        self._links = NetlinkLinks()
        self._device_files = DeviceInfoFiles(settings.device_info)
        self.ledger = IndexedLedger(settings.ledger, settings.plugin_deadline, outside.skip_idle_plugins)
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
            settings.node,
            store,
            self._links,
            self.networks,
            self.plugin_directories,
            self._dhcp.inventory,
            boot_id,
        )
        self._probe_file = ProbeFile(settings.ledger, boot_id)
        self.reports = NodeReports(self._attached, self._probed)
        self.primary_compiler = self._primary_compiler()
        engine = self._engine()
        self.queue = CallQueue(settings.calls_at_once, SandboxLocks(settings.socket).lock_if_free)
        self.pending_deletes = PendingDeletes(engine.retry_delete, self.queue)
        self.recovery = self._recovery()
        self.server = self._server(engine)

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
        """Removes temporary files of a killed daemon from the directories that it shares with others; the ledger does its own.

        And what an interrupted probe has left.
        """
        shared = self._settings
        shutil.rmtree(shared.ledger / _PROBE, ignore_errors=True)
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

    def _recovery(self) -> Recovery:
        return Recovery(
            ledger=self.ledger,
            leases=self._leases,
            pending=self.pending_deletes,
            queue=self.queue,
            pods=self._outside.store,
            status=self.status,
            sweep_after=self._settings.sweep_after,
            attached=self.ledger.attached.put,
        )

    def _server(self, engine: Engine) -> Server:
        return Server(
            self._settings.socket,
            engine,
            self.queue,
            self.pending_deletes,
            call_deadline=self._settings.call_deadline,
            observe=self._outside.observe,
            called=self._called,
            probe=self._probe_calls().call,
            timings=self._outside.timings,
        )

    def _attached(self) -> Attached | None:
        """None as long as pods may be missing: a network whose pods are not reported could be deleted."""
        attached = self.ledger.attached
        return attached.counts(self._outside.current_nad) if attached.is_complete else None

    def _probed(self) -> tuple[Probe | None, tuple[str, ...] | None]:
        return self._probe_file.probe, self._probe_file.link_kinds

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
            report_status=self.reports.status,
            timings=outside.timings,
        )

    def _forget_probe(self) -> None:
        entry = self._settings.ledger / _PROBE / f"{probe_network.CONTAINER_ID}.json"
        entry.unlink(missing_ok=True)

    def _probe_calls(self) -> ProbeCalls:
        """With an engine and a ledger of its own: neither GC nor recovery takes the probe for a pod."""
        networks, links = ProbeNetworks(), ProbeLinks()
        engine = Engine(
            resolver=networks,
            ledger=FileLedger(self._settings.ledger / _PROBE),
            leases=self._leases,
            caches=self.caches,
            networks=self.networks,
            links=links,
            status=self.status,
            events=self._outside.events,
            device_files=self._device_files,
            addresses=NodeAddressStore(HostLocalStore(self._settings.leases)),
            plugin_deadline=_PROBE_SECONDS,
            native_plugins=lambda: plugin_types.TYPES,
        )
        return ProbeCalls(
            engine=engine,
            networks=networks,
            forget=self._forget_probe,
            links=links,
            file=self._probe_file,
            now=timestamp,
            ended=self.reports.probe,
        )


@contextlib.asynccontextmanager
async def running(jobs: Mapping[str, Job]) -> AsyncIterator[asyncio.TaskGroup]:
    """Runs the jobs until the context is left; the task group is for more tasks."""
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(run(), name=name) for name, run in jobs.items()]
        yield tasks
        for task in started:
            task.cancel()
