"""Whose turn it is: one call at a time for a sandbox, so many calls at once, in the order in which they came.

A call that waits may be given up by its runtime, or wait too long; nothing has begun for it then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from weakref import WeakValueDictionary

from netattach_core.errors import TryAgainError
from netattach_plugin.ports import Caller

_LONGEST_QUEUE = 1000


class CallQueue:
    """`at_once` calls act at a time; the others wait, each until its runtime's patience ends.

    `shims_lock` is a sandbox's lock among the shims, which may act without us; whoever calls us holds it already.
    """

    def __init__(
        self,
        at_once: int = 64,
        shims_lock: Callable[[str], AbstractContextManager[bool]] = lambda _: contextlib.nullcontext(True),
    ) -> None:
        self._shims_lock = shims_lock
        self._places = asyncio.Semaphore(at_once)
        self._sandboxes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.waiting = 0

    @contextlib.asynccontextmanager
    async def taken(self, container_id: str, caller: Caller) -> AsyncIterator[None]:
        """The sandbox's turn, then a place among those who act. Raises TryAgainError where it does not come in time.

        In this order, so that calls for one sandbox do not keep others from acting (S104).
        """
        async with contextlib.AsyncExitStack() as held:
            for lock in (self._lock(container_id), self._places):
                await self._acquire(lock, caller)
                held.callback(lock.release)
            yield

    @contextlib.asynccontextmanager
    async def taken_if_free(self, container_id: str) -> AsyncIterator[bool]:
        """The sandbox's turn where nobody has it, no shim either; whether that is so. It needs no place: the caller has one."""
        lock = self._lock(container_id)
        if lock.locked():
            yield False
            return
        async with lock:
            with contextlib.ExitStack() as held:
                try:
                    free = held.enter_context(self._shims_lock(container_id))
                except OSError:  # nobody knows
                    free = False
                yield free

    def _lock(self, container_id: str) -> asyncio.Lock:
        return self._sandboxes.setdefault(container_id, asyncio.Lock())

    async def _acquire(self, lock: asyncio.Lock | asyncio.Semaphore, caller: Caller) -> None:
        if not lock.locked():
            await lock.acquire()
            return
        if self.waiting >= _LONGEST_QUEUE:
            raise TryAgainError(f"{_LONGEST_QUEUE} calls wait already; the runtime may call again")
        self.waiting += 1
        try:
            await _acquire_in_time(lock, caller)
        finally:
            self.waiting -= 1


async def _acquire_in_time(lock: asyncio.Lock | asyncio.Semaphore, caller: Caller) -> None:
    async with asyncio.TaskGroup() as tasks:
        acquiring = tasks.create_task(lock.acquire())
        leaving = tasks.create_task(caller.given_up.wait())
        await asyncio.wait(
            (acquiring, leaving),
            timeout=max(0.0, caller.seconds_left()),
            return_when=asyncio.FIRST_COMPLETED,
        )
        acquired = acquiring.done()
        acquiring.cancel()
        leaving.cancel()
    if caller.given_up.is_set():
        if acquired:
            lock.release()
        raise TryAgainError("the runtime gave up while its call waited for its turn; nothing was begun")
    if not acquired:
        raise TryAgainError(
            "the call waited too long for its turn; nothing was begun, the runtime may call again"
        )
