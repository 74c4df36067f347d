"""Back-off: the pauses between retries, in seconds."""

from __future__ import annotations

import random
from collections.abc import Iterator


class Backoff:
    """Doubles the pause after each failure, from `first` up to `longest`; `jitter` draws each from its upper half."""

    def __init__(self, first: float, longest: float, *, jitter: bool = False) -> None:
        self._first = first
        self._longest = longest
        self._jitter = jitter
        self._pause = first

    @property
    def exhausted(self) -> bool:
        """Whether the pause does not grow any more."""
        return self._pause >= self._longest

    def reset(self) -> None:
        """After a success."""
        self._pause = self._first

    def next(self) -> float:
        """The pause after this failure."""
        pause = self._pause
        self._pause = min(2 * pause, self._longest)
        return pause * random.uniform(0.5, 1) if self._jitter else pause  # noqa: S311  # no secret

    def __iter__(self) -> Iterator[float]:
        """Endless."""
        while True:
            yield self.next()
