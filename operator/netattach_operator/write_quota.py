"""How often an object may be written: a few times at once, so that a change is seen soon, and seldom in the long run."""

from __future__ import annotations

from collections.abc import Callable

from netattach_core.api.objects import Key


class WriteQuota:
    """A token bucket for each key: `at_once` writes, and one more every so many seconds, as `every` returns them."""

    def __init__(self, clock: Callable[[], float], at_once: int, every: Callable[[], float]) -> None:
        self._clock = clock
        self._at_once = at_once
        self._every = every
        self._spent: dict[Key, tuple[float, float]] = {}

    def spend(self, key: Key) -> float:
        """Counts a write. Returns the seconds until the next one is allowed, 0 where it is allowed now."""
        now, every = self._clock(), self._every()
        spent, since = self._spent.get(key, (0.0, now))
        spent = max(0.0, spent - (now - since) / every) + 1
        self._spent[key] = spent, now
        return max(0.0, spent - (self._at_once - 1)) * every

    def forget(self, key: Key) -> None:
        self._spent.pop(key, None)
