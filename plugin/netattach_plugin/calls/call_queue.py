"""FIFO queue for CNI calls: one per sandbox, bounded concurrency, deadline."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from weakref import WeakValueDictionary

from netattach_core.errors import TryAgainError
from netattach_plugin.call_ports import Caller

_LONGEST_QUEUE = 1000


class CallQueue:
    """Runs `concurrency` calls at a time; the others wait until their deadline, or until their runtime cancels them."""

    def __init__(
        self,
        concurrency: int = 64,
        shim_lock: Callable[[str], AbstractContextManager[bool]] = lambda _: contextlib.nullcontext(True),
    ) -> None:
        """`shim_lock` is the lock of a sandbox among the shims; a shim that calls the daemon holds it already."""
        self._shim_lock = shim_lock
        self._slots = asyncio.Semaphore(concurrency)
        self._sandboxes: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.waiting = 0

    @contextlib.asynccontextmanager
    async def slot(self, container_id: str, caller: Caller) -> AsyncIterator[None]:
        """The sandbox's lock, then a slot. Raises TryAgainError after the deadline, on cancellation, and for a full queue.

        In this order, so that waiting calls for one sandbox use up no slots. The Kubernetes Network Plumbing Working Group spec,
        section 7.3, allows no parallel operations for one pod; a runtime that timed out may have two calls running.
        """
        async with contextlib.AsyncExitStack() as held:
            for lock in (self._lock(container_id), self._slots):
                await self._acquire(lock, caller)
                held.callback(lock.release)
            yield

    @contextlib.asynccontextmanager
    async def lock_if_free(self, container_id: str) -> AsyncIterator[bool]:
        """The sandbox's lock where neither a call nor a shim holds it; yields whether it does. For the holder of a slot."""
        lock = self._lock(container_id)
        if lock.locked():
            yield False
            return
        async with lock:
            with contextlib.ExitStack() as held:
                try:
                    free = held.enter_context(self._shim_lock(container_id))
                except OSError:  # unknown counts as held
                    free = False
                yield free

    def _lock(self, container_id: str) -> asyncio.Lock:
        return self._sandboxes.setdefault(container_id, asyncio.Lock())

    async def _acquire(self, lock: asyncio.Lock | asyncio.Semaphore, caller: Caller) -> None:
        if not lock.locked():
            await lock.acquire()
            return
        if self.waiting >= _LONGEST_QUEUE:
            raise TryAgainError(f"call queue full: {_LONGEST_QUEUE} calls are waiting; try again later")
        self.waiting += 1
        try:
            await _acquire_in_time(lock, caller)
        finally:
            self.waiting -= 1


async def _acquire_in_time(lock: asyncio.Lock | asyncio.Semaphore, caller: Caller) -> None:
    async with asyncio.TaskGroup() as tasks:
        acquiring = tasks.create_task(lock.acquire())
        cancellation = tasks.create_task(caller.cancellation.wait())
        await asyncio.wait(
            (acquiring, cancellation),
            timeout=max(0.0, caller.seconds_left()),
            return_when=asyncio.FIRST_COMPLETED,
        )
        acquired = acquiring.done()
        acquiring.cancel()
        cancellation.cancel()
    if caller.cancellation.is_set():
        if acquired:
            lock.release()
        raise TryAgainError("call cancelled by the runtime while queued; nothing was started")
    if not acquired:
        raise TryAgainError("call deadline exceeded while queued; nothing was started, try again later")
