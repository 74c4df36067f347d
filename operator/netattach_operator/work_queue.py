"""The queue of NADs to reconcile, with delays: each key once, the earliest first."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextlib import suppress

from netattach_core.api.objects import Key


class WorkQueue:
    """For one consumer. A key that is added again while it is queued is returned once, at the earliest of its times."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._not_before: dict[Key, float] = {}
        self._added = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: Key, after: float = 0.0) -> None:
        """Makes a key due in so many seconds, or earlier where it is queued already; not before the end of `hold`."""
        due = max(self._clock() + after, self._not_before.get(key, 0.0))
        if key not in self._due or due < self._due[key]:
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self._added.set()

    def hold(self, key: Key, seconds: float) -> None:
        """The key is not returned for so long, whether it is queued already or added later."""
        self._not_before[key] = self._clock() + seconds
        if key in self._due:
            del self._due[key]
            self.add(key)

    def forget(self, key: Key) -> None:
        """Removes a key and its hold."""
        self._due.pop(key, None)
        self._not_before.pop(key, None)

    async def get(self) -> Key:
        """Removes and returns the next key, once it is due."""
        while True:
            self._added.clear()
            wait = self._wait()
            if wait is not None and wait <= 0:
                _, key = heapq.heappop(self._heap)
                del self._due[key]
                return key
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._added.wait()

    def _wait(self) -> float | None:
        """Seconds until the first key is due; None where the queue is empty. Drops entries of the heap that are out of date."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] - self._clock() if self._heap else None
