"""The daemon without a cluster: Kubernetes objects are JSON files (the demo, the tests of a node)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from netattach_core.api.call_record import CallRecord
from netattach_core.api.pod import PodRef
from netattach_core.errors import NetattachError
from netattach_core.policy.settings import Level, PolicySettings
from netattach_kube.cluster_settings import ClusterSettings
from netattach_plugin.cluster.file_store import FileStore
from netattach_plugin.cluster.namespace_policies import NamespacePolicies
from netattach_plugin.cluster.settings_file import SettingsFile
from netattach_plugin.node.dhcp_supervisor import DhcpSupervisor
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.node.node_surroundings import KnownSurroundings
from netattach_plugin.node.primary_compiler import PrimaryCompiler
from netattach_plugin.settings import Settings
from netattach_plugin.wiring import shared
from netattach_plugin.wiring.shared import Components, Outside

_log = logging.getLogger(__name__)

_WITHOUT_POLICY = ClusterSettings(policy=PolicySettings(default=Level.PRIVILEGED))
"""Without a file of settings: whoever writes the objects' files is the owner of the machine."""

_EVERY = 2.0
"""Seconds between looks at the default network."""


async def serve(settings: Settings, directory: Path, stop: asyncio.Event) -> None:
    """Serves until `stop` is set; `directory` holds the objects."""
    store = FileStore(directory)
    in_file = SettingsFile(settings.config, absent=_WITHOUT_POLICY)
    surroundings = KnownSurroundings(lambda: in_file.current.validation.networks)
    outside = Outside(
        store=store,
        events=LoggedEvents(),
        policies=NamespacePolicies(lambda: in_file.current.policy, store.namespace_labels),
        surroundings=surroundings,
        selection=lambda: in_file.current.validation.selection,
    )
    components = Components(settings, outside)
    _compile(components.primary_compiler)
    jobs = {
        **components.jobs,
        "dhcp daemon": DhcpSupervisor(settings.dhcp, components.plugin_directories).run,
        "settings": in_file.run,
        "surroundings": lambda: surroundings.run(_listed()),
        "inventory": lambda: _publish_inventory(store, components.inventory_collector, surroundings),
        "compile": lambda: _keep_compiled(components.primary_compiler),
    }
    async with components.ledger.locked():
        components.remove_leftovers()
        store.remove_leftovers()
        await components.recovery.read()
        async with shared.running(jobs):
            await components.server.serve(stop, drain=settings.drain)
            await components.status.flush()
        await components.ledger.compact()


def _listed() -> asyncio.Event:
    """Networks of other namespaces are not indexed: the files are not watched."""
    listed = asyncio.Event()
    listed.set()
    return listed


async def _publish_inventory(
    store: FileStore, collector: InventoryCollector, surroundings: KnownSurroundings
) -> None:
    """Concurrently with the calls, since asking every plugin for its versions may take a while."""
    try:
        inventory = await collector.collect()
        surroundings.put_inventory(inventory)
        await store.publish_inventory(inventory)
    except Exception:  # noqa: BLE001  # pyroute2 raises more kinds than can be named, and the daemon can do without
        _log.exception("the inventory of this node is not published")


async def _keep_compiled(compiler: PrimaryCompiler) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        _compile(compiler)


def _compile(compiler: PrimaryCompiler) -> None:
    """Without it, the shim calls the daemon for pods without secondary networks too."""
    try:
        compiler.compile()
    except (NetattachError, OSError) as error:
        _log.warning("the default network is not compiled: %s", error)


class LoggedEvents:
    """The port Events without an API: log lines."""

    def added(self, ref: PodRef, messages: Iterable[str], record: CallRecord | None = None) -> None:  # noqa: ARG002  # the port's signature
        for message in messages:
            _log.info("pod %s: %s", ref, message)

    def failed(self, ref: PodRef, message: str, record: CallRecord | None = None) -> None:  # noqa: ARG002  # the port's signature
        _log.info("pod %s failed: %s", ref, message)

    def missing(self, ref: PodRef, message: str) -> None:
        _log.info("pod %s lacks networks: %s", ref, message)
