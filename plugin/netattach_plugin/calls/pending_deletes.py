"""DELs that are owed without a call of the runtime: what a crash cut off, what failed, what the runtime forgot.

Plugins run on the host, under a shim, so a debt is paid by the next call of whichever sandbox. In the daemon's own container a
plugin would not find its state, and a DEL that finds nothing succeeds (docs/decisions/0010).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from netattach_core.errors import NetattachError
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.ports import Shim

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 300.0
_SECONDS_OF_A_CALL = 2.0
"""After so much of somebody else's time no further debt is begun."""

RUNTIMES_TURN = 30.0
"""Seconds in which the runtime may come again by itself after a failure."""


@dataclass(frozen=True, slots=True)
class _Debt:
    due: float
    pause: float


class PendingDeletes:
    """The sandboxes concerned, each with the time from which it may be tried; `settle` carries out the DEL of one."""

    def __init__(
        self,
        settle: Callable[[str, Shim], Awaitable[None]],
        turns: CallQueue,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settle = settle
        self._turns = turns
        self._clock = clock
        self._owed: dict[str, _Debt] = {}

    @property
    def count(self) -> int:
        return len(self._owed)

    def owes(self, container_id: str) -> bool:
        return container_id in self._owed

    def owe(self, container_id: str, *, after: float = 0.0, pause: float = _FIRST_PAUSE) -> None:
        """Due in so many seconds; a try that fails is repeated after `pause`, then after twice as much."""
        self._owed[container_id] = _Debt(self._clock() + after, pause)

    def forget(self, container_id: str) -> None:
        """The runtime's own call has done it."""
        self._owed.pop(container_id, None)

    async def pay(self, shim: Shim) -> None:
        """Before a call's own work, since what is freed may be what it needs. Never raises NetattachError."""
        until = self._clock() + _SECONDS_OF_A_CALL
        while not shim.cancelled and self._clock() < until:
            due = [key for key, debt in self._owed.items() if debt.due <= self._clock()]
            if not due:
                return
            await self._pay(due[0], shim)

    async def _pay(self, container_id: str, shim: Shim) -> None:
        """Nobody else tries meanwhile. Where the runtime's own call is under way, that one's outcome counts."""
        debt = self._owed.pop(container_id)
        async with self._turns.taken_if_free(container_id) as free:
            if not free:
                return
            try:
                await self._settle(container_id, shim)
            except NetattachError as error:
                _log.warning("sandbox %s is not detached yet: %s", container_id, error)
                self.owe(container_id, after=debt.pause, pause=min(debt.pause * 2, _LONGEST_PAUSE))
            else:
                _log.info("sandbox %s is detached, without a call of its own", container_id)
