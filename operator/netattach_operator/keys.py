"""What is to be reconciled, and when: keys in a set, each once, the earliest first."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextlib import suppress

from netattach_core.api.objects import Key


class Keys:
    """For one taker. However often a key is added while it waits, it comes out once, at the earliest time asked for."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._not_before: dict[Key, float] = {}
        self._added = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: Key, after: float = 0.0) -> None:
        """It is due so many seconds from now, or sooner where it was before, but not while it rests."""
        due = max(self._clock() + after, self._not_before.get(key, 0.0))
        if key not in self._due or due < self._due[key]:
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))
            self._added.set()

    def rest(self, key: Key, seconds: float) -> None:
        """It does not come out again for so long."""
        self._not_before[key] = self._clock() + seconds
        if key in self._due:
            del self._due[key]
            self.add(key)

    def forget(self, key: Key) -> None:
        self._due.pop(key, None)
        self._not_before.pop(key, None)

    async def take(self) -> Key:
        """The next one that is due; waits for it."""
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
        """Seconds until the first is due; None where there is none. Entries that have been overtaken go."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] - self._clock() if self._heap else None
