"""The daemon without a cluster: Kubernetes' objects are JSON files (the demo, the node's tests)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.pod import PodRef
from netattach_core.errors import NetattachError
from netattach_plugin.cluster.file_store import FileStore
from netattach_plugin.cluster.plain_pod_status import PlainPodStatus
from netattach_plugin.cluster.status_queue import StatusQueue
from netattach_plugin.engine.engine import Engine
from netattach_plugin.engine.network_resolver import NetworkResolver
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.dhcp_daemon import DhcpDaemon
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.node.kubelet_devices import KubeletDevices
from netattach_plugin.node.primary_compiler import PrimaryCompiler
from netattach_plugin.settings import Settings
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.device_info_files import DeviceInfoFiles
from netattach_plugin.state.shim_ledger import ShimLedger
from netattach_plugin.wiring import shared

_log = logging.getLogger(__name__)

_EVERY = 2.0
"""Seconds between looks at the default network."""


async def serve(read: Settings, directory: Path, stop: asyncio.Event) -> None:
    """Serves until `stop` is set."""
    store, links, networks = FileStore(directory), NetlinkLinks(), CniConfDir(read.conf_dir)
    ledger = ShimLedger(read.ledger, read.plugin_deadline, read.leases)
    dhcp = DhcpDaemon(read.dhcp, read.bin_dir, ledger, lambda: None)
    status = StatusQueue(store, wait=read.status_wait)
    device_files = DeviceInfoFiles(read.device_info)
    engine = Engine(
        pod_networks=NetworkResolver(store, networks, KubeletDevices(read.pod_resources), SelectionSettings),
        ledger=ledger,
        foreign=CniCaches(read.multus, read.libcni),
        networks=networks,
        links=links,
        status=status,
        events=LoggedEvents(),
        device_files=device_files,
        plugin_deadline=read.plugin_deadline,
    )
    compiler = PrimaryCompiler(
        ledger=read.ledger, conf_dir=read.conf_dir, networks=networks, deadline=read.plugin_deadline
    )
    _compile(compiler)
    gatherer = InventoryCollector(read.node, store, links, networks, read.bin_dir, dhcp.inventory)
    server, recovery = shared.build(read, engine, ledger=ledger, store=store, status=status)
    async with ledger.locked(), asyncio.TaskGroup() as tasks:
        await recovery.read()
        beside = [
            tasks.create_task(status.run(), name="status"),
            tasks.create_task(dhcp.run(), name="dhcp"),
            tasks.create_task(_tell_inventory(store, gatherer), name="inventory"),
            tasks.create_task(PlainPodStatus(read.ledger, status).run(), name="plain pods"),
            tasks.create_task(_keep_compiled(compiler), name="compile"),
            tasks.create_task(recovery.run(), name="recovery"),
            tasks.create_task(device_files.run(ledger.container_ids), name="device files"),
        ]
        await server.serve(stop, drain=read.drain)
        await status.flush()
        for task in beside:
            task.cancel()


async def _tell_inventory(store: FileStore, gatherer: InventoryCollector) -> None:
    """Beside the calls: asking every plugin for its versions may take a while, and pods do not wait for it."""
    try:
        await store.publish_inventory(await gatherer.collect())
    except Exception:  # noqa: BLE001  # pyroute2 raises more kinds than can be named, and this is not worth the daemon
        _log.exception("the inventory of this node is not told")


async def _keep_compiled(compiler: PrimaryCompiler) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        _compile(compiler)


def _compile(compiler: PrimaryCompiler) -> None:
    """Without it plain pods are ours, too."""
    try:
        compiler.compile()
    except (NetattachError, OSError) as error:
        _log.warning("the default network is not compiled: %s", error)


class LoggedEvents:
    """The port `Events`, where there is no API to hold them."""

    def added(self, ref: PodRef, messages: Iterable[str]) -> None:
        for message in messages:
            _log.info("pod %s: %s", ref, message)

    def failed(self, ref: PodRef, message: str) -> None:
        _log.info("pod %s failed: %s", ref, message)
