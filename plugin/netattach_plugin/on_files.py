"""The daemon without a cluster: Kubernetes' objects are JSON files (the demo, the node's tests)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from netattach_core.pod import PodRef
from netattach_plugin.conf_dir import ConfDir
from netattach_plugin.engine import Engine
from netattach_plugin.inventory import Gatherer
from netattach_plugin.ledger import FileLedger
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.server import Server
from netattach_plugin.settings import Settings
from netattach_plugin.status import StatusQueue
from netattach_plugin.store import FileStore

_log = logging.getLogger(__name__)


async def serve(read: Settings, directory: Path, stop: asyncio.Event) -> None:
    """Serves until `stop` is set."""
    store, links, networks = FileStore(directory), NetlinkLinks(), ConfDir(read.conf_dir)
    status = StatusQueue(store, wait=read.status_wait)
    engine = Engine(
        store=store,
        ledger=FileLedger(read.ledger),
        networks=networks,
        links=links,
        status=status,
        events=LoggedEvents(),
        plugin_deadline=read.plugin_deadline,
    )
    gatherer = Gatherer(read.node, store, links, networks, read.bin_dir)
    async with asyncio.TaskGroup() as tasks:
        beside = [
            tasks.create_task(status.run(), name="status"),
            tasks.create_task(_tell_inventory(store, gatherer), name="inventory"),
        ]
        await Server(read.socket, engine).serve(stop, drain=read.drain)
        await status.flush()
        for task in beside:
            task.cancel()


async def _tell_inventory(store: FileStore, gatherer: Gatherer) -> None:
    """Beside the calls: asking every plugin for its versions may take a while, and pods do not wait for it."""
    try:
        await store.publish_inventory(await gatherer.gather())
    except Exception:  # noqa: BLE001  # pyroute2 raises more kinds than can be named, and this is not worth the daemon
        _log.exception("the inventory of this node is not told")


class LoggedEvents:
    """The port `Events`, where there is no API to hold them."""

    def added(self, ref: PodRef, messages: Iterable[str]) -> None:
        for message in messages:
            _log.info("pod %s: %s", ref, message)

    def failed(self, ref: PodRef, message: str) -> None:
        _log.info("pod %s failed: %s", ref, message)
