"""Keeps the published inventory current: collects it when the node changes, publishes it when it differs."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

from netattach_core.api.inventory import NodeInventory
from netattach_core.errors import NetattachError
from netattach_kube.backoff import Backoff
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.ports import InventoryWriter

_log = logging.getLogger(__name__)

_DEBOUNCE = 0.5
"""Seconds: one command of an administrator causes several kernel events."""

_REST_FACTOR, _LONGEST_REST = 20, 5.0
"""After a collection the next one waits this many times as long, at most so many seconds: each pod start is a kernel event."""

_CHECK_INTERVAL = 5.0
"""Seconds between checks of the directories."""

_REPUBLISH_INTERVAL = 600.0
"""Seconds after which it is published unchanged: somebody may have deleted it.

If it exists unchanged, the API server writes nothing and notifies no watcher.
"""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class InventoryPublisher:
    """Collects again after `changed` is set or one of the directories has changed; each inventory is passed to `collected`."""

    def __init__(
        self,
        store: InventoryWriter,
        collector: InventoryCollector,
        directories: Callable[[], tuple[Path, ...]],
        changed: asyncio.Event,
        collected: Callable[[NodeInventory], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._collector = collector
        self._directories = directories
        self._changed = changed
        self._report = collected
        self._published: NodeInventory | None = None
        self._republish_at = 0.0

    def problem(self) -> str | None:
        """The reason for not being ready, None once an inventory was published."""
        return None if self._published else "the inventory of this node is not published yet"

    async def run(self) -> None:
        """Never returns."""
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            stamps, started = self._stamps(), time.monotonic()
            self._changed.clear()
            if await self._publish():
                backoff.reset()
                earliest = _next_start(started, time.monotonic())
                await self._wait_for_change(stamps)
                await asyncio.sleep(max(_DEBOUNCE, earliest - time.monotonic()))
            else:
                await asyncio.sleep(backoff.next())

    async def _publish(self) -> bool:
        """Returns False if it should be retried."""
        try:
            collected = await self._collector.collect()
            self._report(collected)
            if collected != self._published or time.monotonic() >= self._republish_at:
                await self._store.publish_inventory(collected)
                self._published = collected
                self._republish_at = time.monotonic() + _REPUBLISH_INTERVAL * random.uniform(0.5, 1)  # noqa: S311  # no secret
        except NetattachError as error:
            _log.warning("the inventory is not published yet: %s", error)
            return False
        except Exception:  # noqa: BLE001  # pyroute2 raises more types than can be listed, and the daemon has to go on
            _log.exception("the inventory is not published")
            return False
        return True

    async def _wait_for_change(self, stamps: tuple[int, ...]) -> None:
        """Returns when `changed` is set, a directory differs from its stamp, or it is time to republish."""
        while stamps == self._stamps() and time.monotonic() < self._republish_at:
            try:
                async with asyncio.timeout(_CHECK_INTERVAL):
                    await self._changed.wait()
            except TimeoutError:
                continue
            return

    def _stamps(self) -> tuple[int, ...]:
        return tuple(_stamp(path) for path in self._directories())


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
