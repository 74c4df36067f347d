"""The inventory, live: gathered again when something of the node changes, told when it differs from what was told."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from pathlib import Path

from netattach_core.api.inventory import NodeInventory
from netattach_core.errors import NetattachError
from netattach_plugin.node.inventory_collector import InventoryCollector
from netattach_plugin.ports import InventoryWriter

_log = logging.getLogger(__name__)

_DEBOUNCE = 0.5
"""Seconds: one command of an administrator is several changes to the kernel."""

_SHARE, _LONGEST_REST = 20, 5.0
"""Of the time, one part in so many may go into looking (each pod that starts is news of the kernel's), up to so many seconds."""

_LOOK_EVERY = 5.0
"""Seconds between looks at the directories."""

_TELL_EVERY = 600.0
"""Seconds after which it is told again as it is: somebody may have deleted it, and with its node it goes by itself.

Where it is there unchanged, the API server writes nothing and tells no watcher.
"""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class InventoryPublisher:
    """Looks again when it is `woken`, or when one of the directories changes."""

    def __init__(
        self, store: InventoryWriter, gatherer: InventoryCollector, directories: tuple[Path, ...], woken: asyncio.Event
    ) -> None:
        self._store = store
        self._gatherer = gatherer
        self._directories = directories
        self._woken = woken
        self._told: NodeInventory | None = None
        self._told_until = 0.0

    def problem(self) -> str | None:
        """Why nothing is told yet."""
        return None if self._told else "the inventory of this node is not published yet"

    async def run(self) -> None:
        """Never returns."""
        pause = _FIRST_PAUSE
        while True:
            seen, began = self._stamps(), time.monotonic()
            self._woken.clear()
            if await self._tell():
                pause = _FIRST_PAUSE
                rested = _rested(began, time.monotonic())
                await self._something(seen)
                await asyncio.sleep(max(_DEBOUNCE, rested - time.monotonic()))
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _tell(self) -> bool:
        """False where another try is worth it."""
        try:
            gathered = await self._gatherer.gather()
            if gathered != self._told or time.monotonic() >= self._told_until:
                await self._store.publish_inventory(gathered)
                self._told = gathered
                self._told_until = time.monotonic() + _TELL_EVERY * random.uniform(0.5, 1)  # noqa: S311  # no secret
        except NetattachError as error:
            _log.warning("the inventory is not published yet: %s", error)
            return False
        except Exception:  # noqa: BLE001  # pyroute2 raises more kinds than can be named, and this is not worth the daemon
            _log.exception("the inventory is not published")
            return False
        return True

    async def _something(self, seen: tuple[int, ...]) -> None:
        """Returns when it is woken, one of the directories is not any more as it was seen, or it is time to tell again."""
        while seen == self._stamps() and time.monotonic() < self._told_until:
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._woken.wait()
            except TimeoutError:
                continue
            return

    def _stamps(self) -> tuple[int, ...]:
        return tuple(_stamp(path) for path in self._directories)


def _rested(began: float, ended: float) -> float:
    """When another look may begin."""
    return ended + min(_SHARE * (ended - began), _LONGEST_REST)


def _stamp(directory: Path) -> int:
    """Changes with the names in a directory, with files that are written in place, and with what may be executed."""
    try:
        return max(map(_changed, (directory, *directory.iterdir())))
    except OSError:
        return 0


def _changed(path: Path) -> int:
    """When; 0 for what is gone, and for a link that leads nowhere."""
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return 0
