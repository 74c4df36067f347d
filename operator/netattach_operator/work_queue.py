"""The queue of keys to reconcile, with delays: each key once, the earliest first; what can wait comes after what cannot."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextlib import suppress

from netattach_core.api.objects import Key


class WorkQueue:
    """For any number of consumers: `get` returns a key to one of them, and not again before its `done`.

    A key that is added again while it is queued is returned once, at the earliest of its times. What was added with `add_later`
    is returned where nothing else is due, one at a time, and not during a `rest`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._soon = _Times()
        self._later = _Times()
        self._not_before: dict[Key, float] = {}
        self._active: dict[Key, bool] = {}
        self._again: dict[Key, float] = {}
        self._again_later: set[Key] = set()
        self._resting_until = 0.0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._soon) + len(self._later)

    def add(self, key: Key, after: float = 0.0) -> None:
        """Makes a key due in so many seconds, or earlier where it is queued already; not before the end of `hold`."""
        due = self._due(key, after)
        if key in self._active:
            self._again[key] = min(due, self._again.get(key, due))
        elif self._soon.put(key, due):
            self._changed.set()

    def add_later(self, key: Key, after: float = 0.0) -> None:
        """For work that can wait."""
        if self._later.put(key, self._due(key, after)):
            self._changed.set()

    def hold(self, key: Key, seconds: float) -> None:
        """The key is not returned for so long, whether it is queued already or added later."""
        self._not_before[key] = self._clock() + seconds
        for times in (self._soon, self._later):
            due = times.pop(key)
            if due is not None:
                times.put(key, max(due, self._not_before[key]))
        if key in self._again:
            self._again[key] = max(self._again[key], self._not_before[key])

    def rest(self, seconds: float) -> None:
        """For so long, nothing is returned that can wait."""
        self._resting_until = max(self._resting_until, self._clock() + seconds)

    def forget(self, key: Key) -> None:
        """Removes a key and its hold."""
        for known in (self._soon, self._later):
            known.pop(key)
        self._again.pop(key, None)
        self._again_later.discard(key)
        self._not_before.pop(key, None)

    async def get(self) -> Key:
        """Removes and returns the next key, once it is due."""
        while True:
            self._changed.clear()
            key = self._next()
            if key is not None:
                return key
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait()):
                    await self._changed.wait()

    def can_wait(self, key: Key) -> bool:
        """Whether `get` has returned the key because of `add_later`."""
        return self._active.get(key, False)

    def done(self, key: Key) -> None:
        """After `get`: the key may be returned again, if it has been added meanwhile."""
        was_later = self._active.pop(key, False)
        due = self._again.pop(key, None)
        if due is not None:
            self._soon.put(key, due)
        if key in self._again_later:
            self._again_later.discard(key)
            self.add_later(key)
        if due is not None or was_later:
            self._changed.set()

    def _due(self, key: Key, after: float) -> float:
        return max(self._clock() + after, self._not_before.get(key, 0.0))

    def _next(self) -> Key | None:
        now = self._clock()
        key = self._soon.take(now)
        if key is not None:
            self._active[key] = False
            return key
        if now < self._resting_until or any(self._active.values()):
            return None
        key = self._later.take(now)
        if key in self._active:
            self._again_later.add(key)
            return None
        if key is not None:
            self._active[key] = True
        return key

    def _wait(self) -> float | None:
        """Seconds until a key may be due; None where nothing is queued."""
        now = self._clock()
        soon, later = self._soon.first(), None
        if not any(self._active.values()):
            later = self._later.first()
        times = [
            each
            for each in (soon, None if later is None else max(later, self._resting_until))
            if each is not None
        ]
        return max(0.0, min(times) - now) if times else None


class _Times:
    """Keys by the times at which they are due."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        return len(self._due)

    def put(self, key: Key, due: float) -> bool:
        """Whether that is earlier than before."""
        if due >= self._due.get(key, float("inf")):
            return False
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        return True

    def pop(self, key: Key) -> float | None:
        return self._due.pop(key, None)

    def first(self) -> float | None:
        """The earliest time. Drops entries of the heap that are out of date."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> Key | None:
        """Removes and returns the first key that is due."""
        first = self.first()
        if first is None or first > now:
            return None
        _, key = heapq.heappop(self._heap)
        del self._due[key]
        return key
