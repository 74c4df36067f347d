"""The daemon: all objects meet here, and one TaskGroup owns every task."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from netattach_plugin import inventory, settings
from netattach_plugin.conf_dir import ConfDir
from netattach_plugin.engine import Engine
from netattach_plugin.ledger import FileLedger
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.ports import Links, NodeNetworks, Store
from netattach_plugin.server import Server
from netattach_plugin.settings import Settings
from netattach_plugin.status import StatusQueue
from netattach_plugin.store import FileStore


def main() -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 for settings that cannot be read."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        read = settings.from_environment()
    except ValueError as error:
        print(f"netattach-daemon: {error}", file=sys.stderr)  # noqa: T201  # before there is anything to log
        return 2
    asyncio.run(_run(read))
    return 0


async def _run(read: Settings) -> None:
    store, links, networks = FileStore(read.store), NetlinkLinks(), ConfDir(read.conf_dir)
    status = StatusQueue(store, wait=read.status_wait)
    engine = Engine(
        store=store,
        ledger=FileLedger(read.ledger),
        networks=networks,
        links=links,
        status=status,
        plugin_deadline=read.plugin_deadline,
    )
    stop = _stop_on_signal()
    async with asyncio.TaskGroup() as tasks:
        beside = [
            tasks.create_task(status.run(), name="status"),
            tasks.create_task(_tell_inventory(read, store, links, networks), name="inventory"),
        ]
        await Server(read.socket, engine).serve(stop, drain=read.drain)
        await status.flush()
        for task in beside:
            task.cancel()


async def _tell_inventory(read: Settings, store: Store, links: Links, networks: NodeNetworks) -> None:
    """Beside the calls: asking every plugin for its versions may take a while, and pods do not wait for it."""
    try:
        await store.publish_inventory(await inventory.gather(read.node, links, networks, read.bin_dir))
    except (
        Exception
    ):  # pyroute2 raises more kinds than can be named, and an inventory is not worth the daemon
        logging.getLogger(__name__).exception("the inventory of this node is not told")


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


if __name__ == "__main__":
    sys.exit(main())
