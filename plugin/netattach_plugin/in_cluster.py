"""The daemon on a node of a cluster: all objects meet here, and one TaskGroup owns every task."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
from collections.abc import Callable, Coroutine
from typing import Any

from netattach_kube import api as kube_api
from netattach_kube import health
from netattach_kube.api import Api
from netattach_kube.cluster_settings import StatusForPlainPods
from netattach_plugin.conf_dir import ConfDir
from netattach_plugin.engine import Engine
from netattach_plugin.fate import Fate
from netattach_plugin.install import Installer
from netattach_plugin.inventory import Gatherer
from netattach_plugin.inventory_keeper import InventoryKeeper
from netattach_plugin.kube_store import KubeStore
from netattach_plugin.ledger import FileLedger
from netattach_plugin.metrics import Metrics
from netattach_plugin.netlink import changes
from netattach_plugin.netlink.node_links import NetlinkLinks
from netattach_plugin.pod_events import PodEvents
from netattach_plugin.server import Server
from netattach_plugin.settings import Settings
from netattach_plugin.settings_file import SettingsFile
from netattach_plugin.status import StatusQueue

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
        links, networks, ledger = NetlinkLinks(), ConfDir(read.conf_dir), FileLedger(read.ledger)
        self._settings = SettingsFile(read.config)
        woken = asyncio.Event()
        self._wake = woken.set
        self._store = KubeStore(api, read.node, about, node_changed=self._wake)
        self._inventory = InventoryKeeper(
            self._store,
            Gatherer(read.node, self._store, links, networks, read.bin_dir),
            (read.conf_dir, read.bin_dir),
            woken,
        )
        self._installer = Installer(
            shim=read.shim, bin_dir=read.bin_dir, conf_dir=read.conf_dir, networks=networks
        )
        self._fate = Fate(api, read.namespace, read.daemon_set)
        self._events = PodEvents(api, read.node)
        self._status = StatusQueue(
            self._store, wait=read.status_wait, for_plain_pods=self._plain_pods_have_status
        )
        self._metrics = Metrics(statuses_waiting=lambda: self._status.waiting, ledger_entries=ledger.count)
        engine = Engine(
            store=self._store,
            ledger=ledger,
            networks=networks,
            links=links,
            status=self._status,
            events=self._events,
            plugin_deadline=read.plugin_deadline,
        )
        self._server = Server(read.socket, engine, self._metrics.observe)

    async def serve(self, stop: asyncio.Event) -> None:
        beside: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "store": self._store.run,
            "fate": self._fate.run,
            "events": self._events.run,
            "status": self._status.run,
            "settings": self._settings.run,
            "inventory": self._inventory.run,
            "install": self._install,
        }
        ready = (lambda: self._installer.problem, self._inventory.problem, self._store_problem)
        probed = health.served(
            self._read.health, live=(self._server.problem,), ready=ready, metrics=self._metrics.registry
        )
        async with probed, asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(run(), name=name) for name, run in beside.items()]
            with changes.heard(self._wake):
                ended = asyncio.Event()
                serving = tasks.create_task(self._server.serve(ended, drain=self._read.drain), name="server")
                await stop.wait()
                if await self._fate.uninstalled():
                    await asyncio.to_thread(self._installer.remove)
                ended.set()
                await serving
            await self._status.flush()
            for task in running:
                task.cancel()

    async def _install(self) -> None:
        """A runtime calls us as soon as our conf is there, so first somebody has to listen."""
        await self._server.listening.wait()
        await self._installer.run()

    def _plain_pods_have_status(self) -> bool:
        return self._settings.current.status_for_plain_pods is StatusForPlainPods.ASYNC

    def _store_problem(self) -> str | None:
        return None if self._store.synced else "the NetworkAttachmentDefinitions are not known yet"
