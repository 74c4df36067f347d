"""The inventory, live: gathered again when something of the node changes, told when it differs from what was told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from netattach_core.errors import NetattachError
from netattach_core.inventory import NodeInventory
from netattach_plugin.inventory import Gatherer
from netattach_plugin.ports import Store

_log = logging.getLogger(__name__)

_DEBOUNCE = 0.5
"""Seconds: one command of an administrator is several changes to the kernel."""

_LOOK_EVERY = 5.0
"""Seconds between looks at the directories."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class InventoryKeeper:
    """Looks again when it is `woken`, or when one of the directories changes."""

    def __init__(
        self, store: Store, gatherer: Gatherer, directories: tuple[Path, ...], woken: asyncio.Event
    ) -> None:
        self._store = store
        self._gatherer = gatherer
        self._directories = directories
        self._woken = woken
        self._told: NodeInventory | None = None

    def problem(self) -> str | None:
        """Why nothing is told yet."""
        return None if self._told else "the inventory of this node is not published yet"

    async def run(self) -> None:
        """Never returns."""
        pause = _FIRST_PAUSE
        while True:
            seen = self._stamps()
            self._woken.clear()
            if await self._tell():
                pause = _FIRST_PAUSE
                await self._something(lambda seen=seen: seen != self._stamps())  # type: ignore[misc]  # bound at once
                await asyncio.sleep(_DEBOUNCE)
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _tell(self) -> bool:
        """False where another try is worth it."""
        try:
            gathered = await self._gatherer.gather()
            if gathered != self._told:
                await self._store.publish_inventory(gathered)
                self._told = gathered
        except NetattachError as error:
            _log.warning("the inventory is not published yet: %s", error)
            return False
        except Exception:  # noqa: BLE001  # pyroute2 raises more kinds than can be named, and this is not worth the daemon
            _log.exception("the inventory is not published")
            return False
        return True

    async def _something(self, changed: Callable[[], bool]) -> None:
        """Returns when it is woken, or one of the directories has changed."""
        while not changed():
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    await self._woken.wait()
            except TimeoutError:
                continue
            return

    def _stamps(self) -> tuple[int, ...]:
        return tuple(_stamp(path) for path in self._directories)


def _stamp(path: Path) -> int:
    """Changes with the names in a directory, and with files that are written in place."""
    try:
        return max([path.stat().st_mtime_ns, *(entry.stat().st_mtime_ns for entry in path.iterdir())])
    except OSError:
        return 0
