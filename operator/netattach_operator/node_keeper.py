"""Keeps on each Node the labels of the networks that are not ready there, and the taint of a node where nothing was attached yet.

It writes our labels and our taint and nothing else, which the policy netattach-operator-nodes enforces; and only what differs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

from netattach_core.api.objects import Key
from netattach_core.errors import ConflictError, NetattachError, NotFoundError
from netattach_core.readiness import node_label
from netattach_core.readiness.reason import Code
from netattach_kube.api import Api
from netattach_kube.backoff import Backoff
from netattach_kube.cluster_settings import Scheduling, StartupTaint
from netattach_kube.resource import NODES
from netattach_operator.cluster_nodes import TAINT, ClusterNode
from netattach_operator.view import View
from netattach_operator.work_queue import WorkQueue

_log = logging.getLogger(__name__)

_WORKERS = 4
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0

_PATIENCE = 5.0
"""Seconds until a node whose daemon restarts gets labels: there are as many as it has networks, and a restart takes less."""

_PASSING = {Code.DAEMON_NOT_READY, Code.NO_INVENTORY, Code.DEFAULT_NETWORK_NOT_READY}
"""Reasons that concern all networks of a node, and pass by themselves."""

_WRITTEN = 1.0
"""Seconds after a write, in which the watch shows it."""


class NodeKeeper:
    """`queue` has the nodes to look at, as ("", name). Level-triggered."""

    def __init__(self, api: Api, view: View, queue: WorkQueue, clock: Callable[[], float]) -> None:
        self._api = api
        self._view = view
        self._queue = queue
        self._clock = clock
        self._passing_since: dict[str, float] = {}
        self._crowded: set[str] = set()
        self._backoffs: dict[Key, Backoff] = {}

    async def run(self) -> None:
        """Never returns. To be started once each network has been validated: before, none would be known not to be ready."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(_WORKERS):
                tasks.create_task(self._work(), name=f"nodes {number}")

    async def keep(self, name: str) -> None:
        """Raises NetattachError where it has to be retried."""
        node = self._view.cluster_nodes.get(name)
        if node is None:
            self._forget(name)
            return
        changes = dict(self._label_changes(name, node))
        taints = await self._taint_change(name, node)
        if not changes and taints is None:
            return
        patch: dict[str, Any] = {"metadata": {"labels": changes} if changes else {}}
        if taints is not None:
            patch["metadata"] |= {"resourceVersion": taints[0]}
            patch["spec"] = {"taints": taints[1]}
        await self._api.merge_patch(NODES, patch, name, metadata_only=True)
        self._queue.hold(("", name), _WRITTEN)

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                await self._try(key)
            finally:
                self._queue.done(key)
            # A thousand nodes in which nothing is to be written must not hold up the Lease.
            await asyncio.sleep(0)

    async def _try(self, key: Key) -> None:
        try:
            await self.keep(key[1])
        except NotFoundError:
            _log.info("node %s is gone", key[1])
        except NetattachError as error:
            self._queue.add(key, self._backoff(key))
            level = logging.DEBUG if isinstance(error, ConflictError) else logging.WARNING
            _log.log(level, "node %s is not labelled yet: %s", key[1], error)
        except Exception:  # noqa: BLE001  # one node must not end the operator
            self._queue.add(key, self._backoff(key))
            _log.exception("internal error: node %s is not labelled", key[1])
        else:
            self._backoffs.pop(key, None)

    def _backoff(self, key: Key) -> float:
        return self._backoffs.setdefault(key, Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)).next()

    def _label_changes(self, name: str, node: ClusterNode) -> Iterator[tuple[str, str | None]]:
        """The labels to add or to change, and, with None, those to remove."""
        wanted = self._wanted_labels(name, node)
        yield from ((key, value) for key, value in wanted.items() if node.ours.get(key) != value)
        yield from ((key, None) for key in node.ours if key not in wanted)

    def _wanted_labels(self, name: str, node: ClusterNode) -> dict[str, str]:
        if self._view.settings.scheduling is Scheduling.OFF:
            self._passing_since.pop(name, None)
            return {}
        unready = self._view.readiness.unready(name)
        passing = {key for key, why in unready.items() if all(each.code in _PASSING for each in why)}
        if passing and self._is_too_early(name):
            waiting = {key for key in passing if node_label.of_network(key).key not in node.ours}
            unready = {key: why for key, why in unready.items() if key not in waiting}
        elif not passing:
            self._passing_since.pop(name, None)
        self._report_crowd(name, len(unready))
        return node_label.of_networks(unready)

    def _is_too_early(self, name: str) -> bool:
        """Whether reasons that pass by themselves have been there for a moment only; then it is looked at again."""
        now = self._clock()
        left = self._passing_since.setdefault(name, now) + _PATIENCE - now
        if left > 0:
            self._queue.add(("", name), left)
        return left > 0

    def _report_crowd(self, name: str, count: int) -> None:
        if count <= node_label.MAX_PER_NODE:
            self._crowded.discard(name)
        elif name not in self._crowded:
            self._crowded.add(name)
            _log.warning(
                "node %s: %d networks are not ready, and it has labels of %d: pods of the others may be placed there",
                *(name, count, node_label.MAX_PER_NODE),
            )

    async def _taint_change(self, name: str, node: ClusterNode) -> tuple[str, list[Any]] | None:
        """The version of the Node and its taints to be, None where nothing is to be changed.

        Of the taints, our copy has ours alone, and a patch replaces all of them.
        """
        wanted = self._wants_taint(name, node)
        if wanted is None or wanted == node.tainted:
            return None
        body = await self._api.get(NODES, name)
        before = (body.get("spec") or {}).get("taints") or []
        others = [taint for taint in before if taint.get("key") != TAINT]
        after = [*others, {"key": TAINT, "effect": "NoSchedule"}] if wanted else others
        _log.info("node %s %s the taint %s", name, "gets" if wanted else "loses", TAINT)
        return body["metadata"]["resourceVersion"], after

    def _wants_taint(self, name: str, node: ClusterNode) -> bool | None:
        """None where it stays as it is: it is removed where an attachment works, and added only where none was tried yet."""
        mode, inventory = self._view.settings.startup_taint, self._view.inventory(name)
        if mode is StartupTaint.OFF:
            return None
        probe = inventory.probe if inventory else None
        boot = node.boot_id or (inventory.boot_id if inventory else "")
        if probe is not None and boot and probe.boot_id == boot:
            return False if probe.succeeded else None
        if mode is StartupTaint.REMOVE or not self._view.cluster_nodes.has_daemon(name):
            return None
        is_earlier_release = inventory is not None and not inventory.boot_id
        return None if is_earlier_release else True

    def _forget(self, name: str) -> None:
        self._passing_since.pop(name, None)
        self._crowded.discard(name)
        self._backoffs.pop(("", name), None)
        self._queue.forget(("", name))
