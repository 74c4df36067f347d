"""Keeps the published inventory current: collects it when the node changes, publishes it when it differs.

What the daemon reports of its own work is added when it is published, so that it costs no collection.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_core.errors import NetattachError
from netattach_kube.backoff import Backoff
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.ports import InventoryWriter

_log = logging.getLogger(__name__)

_DEBOUNCE = 0.5
"""Seconds: one command of an administrator causes several kernel events."""

_REST_FACTOR, _LONGEST_REST = 20, 1.0
"""After a collection the next one waits this many times as long, so that a series of changes costs little; at most so many
seconds, since `kubectl get nad` has to be right soon."""

_CHECK_INTERVAL = 1.0
"""Seconds between checks of the directories."""

_REPUBLISH_INTERVAL = 600.0
"""Seconds after which it is published unchanged: somebody may have deleted it.

If it exists unchanged, the API server writes nothing and notifies no watcher.
"""

_RECOLLECT_INTERVAL = 600.0
"""Seconds after which it is collected anew without an event: there is none for the number of virtual functions."""

_COUNTS_INTERVAL = 10.0
"""Seconds between publications in which nothing but numbers of pods has changed."""

_FIRST_POD_INTERVAL = 1.0
"""Seconds between publications where a network has its first pod on the node: webhooks ask the nodes that have one which pods use
the network. Within this time it is looked for."""

_LEAST_INTERVAL = 0.2
"""Seconds between any two publications: each goes to all who watch inventories."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class InventoryPublisher:
    """Collects again after `changed` is set or one of the directories has changed; each inventory is passed to `collected`.

    `complete` adds what the daemon reports; `report_changed`, `counts_changed` and `nad_changed` say that this has changed.
    """

    def __init__(  # one collaborator each
        self,
        store: InventoryWriter,
        collector: InventoryCollector,
        directories: Callable[[], tuple[Path, ...]],
        changed: asyncio.Event,
        collected: Callable[[NodeInventory], None] = lambda _: None,
        complete: Callable[[NodeInventory], NodeInventory] = lambda each: each,
    ) -> None:
        self._store = store
        self._collector = collector
        self._directories = directories
        self._changed = changed
        self._report = collected
        self._complete = complete
        self._collected: NodeInventory | None = None
        self._published: NodeInventory | None = None
        self._published_at = 0.0
        self._republish_at = 0.0
        self._work = asyncio.Event()
        self._awaits_counts = False
        self._is_urgent = False

    def problem(self) -> str | None:
        """The reason for not being ready, None once an inventory was published."""
        return None if self._published else "the inventory of this node is not published yet"

    def report_changed(self) -> None:
        """What the daemon reports is another one now."""
        self._work.set()

    def counts_changed(self) -> None:
        """Numbers of pods have changed, as with each start of a pod; all but the first pod of a network may wait."""
        if not self._awaits_counts:
            self._awaits_counts = True
            self._work.set()

    def nad_changed(self) -> None:
        """A network of attached pods was changed: numbers of pods that changes are published at once."""
        self._is_urgent = True
        self._work.set()

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_collected(), name="collect")
            tasks.create_task(self._keep_published(), name="publish")

    async def _keep_collected(self) -> None:
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            stamps, started = self._stamps(), time.monotonic()
            self._changed.clear()
            if await self._collect():
                backoff.reset()
                earliest = _next_start(started, time.monotonic())
                await self._wait_for_change(stamps)
                await asyncio.sleep(max(_DEBOUNCE, earliest - time.monotonic()))
            else:
                await asyncio.sleep(backoff.next())

    async def _collect(self) -> bool:
        """Returns False if it should be retried."""
        try:
            collected = await self._collector.collect()
        except NetattachError as error:
            _log.warning("the inventory is not collected yet: %s", error)
            return False
        except Exception:  # noqa: BLE001  # pyroute2 raises more types than can be listed, and the daemon has to go on
            _log.exception("the inventory is not collected")
            return False
        self._report(collected)
        self._collected = collected
        self._work.set()
        return True

    async def _keep_published(self) -> None:
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            await self._until_due()
            if await self._publish():
                backoff.reset()
                await asyncio.sleep(_LEAST_INTERVAL)
            else:
                await asyncio.sleep(backoff.next())

    async def _until_due(self) -> None:
        while True:
            self._work.clear()
            wait = self._seconds_until_due()
            if wait is not None and wait <= 0:
                return
            if wait is not None and self._awaits_counts:
                wait = min(wait, _FIRST_POD_INTERVAL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._work.wait()

    def _seconds_until_due(self) -> float | None:
        """None before the first collection."""
        now = time.monotonic()
        if self._collected is None:
            return None
        current = self._complete(self._collected)
        if current == self._published:
            self._awaits_counts = self._is_urgent = False
            return self._republish_at - now
        is_at_once = self._published is None or self._is_urgent
        if is_at_once or _without_counts(current) != _without_counts(self._published):
            return 0.0
        first = self._published is not None and inventory.has_first_pod(current, self._published)
        return self._published_at + (_FIRST_POD_INTERVAL if first else _COUNTS_INTERVAL) - now

    async def _publish(self) -> bool:
        """Returns False if it should be retried."""
        if self._collected is None:
            return False
        current = self._complete(self._collected)
        was_urgent, self._is_urgent, self._awaits_counts = self._is_urgent, False, False
        try:
            await self._store.publish_inventory(current)
        except NetattachError as error:
            _log.warning("the inventory is not published yet: %s", error)
            self._is_urgent |= was_urgent
            return False
        except Exception:  # noqa: BLE001  # as for a collection
            _log.exception("the inventory is not published")
            self._is_urgent |= was_urgent
            return False
        self._published = current
        self._published_at = time.monotonic()
        self._republish_at = self._published_at + _REPUBLISH_INTERVAL * random.uniform(0.5, 1)  # noqa: S311  # no secret
        return True

    async def _wait_for_change(self, stamps: tuple[int, ...]) -> None:
        """Returns when `changed` is set, a directory differs from its stamp, or it is time anyway."""
        last = time.monotonic() + _RECOLLECT_INTERVAL
        while stamps == self._stamps() and time.monotonic() < last:
            try:
                async with asyncio.timeout(_CHECK_INTERVAL):
                    await self._changed.wait()
            except TimeoutError:
                continue
            return

    def _stamps(self) -> tuple[int, ...]:
        return tuple(_stamp(path) for path in self._directories())


def _without_counts(published: NodeInventory | None) -> NodeInventory | None:
    return published and inventory.without_counts(published)


def _next_start(started: float, ended: float) -> float:
    """The earliest time of the next collection."""
    return ended + min(_REST_FACTOR * (ended - started), _LONGEST_REST)


def _stamp(directory: Path) -> int:
    """Changes with the names in a directory, with its files' content, and with their modes; 0 if it cannot be read."""
    try:
        return max(map(_change_time, (directory, *directory.iterdir())))
    except OSError:
        return 0


def _change_time(path: Path) -> int:
    """In nanoseconds; 0 for a file that is gone and for a dangling link."""
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return 0
