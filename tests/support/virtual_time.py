"""An event loop with virtual time: sleeps and timeouts take no time, and do not depend on the machine's speed.

    virtual_time.run(story())

For coroutines that wait for nothing outside of the loop: no sockets, no threads, no subprocesses. Where all tasks wait, the clock
advances to the next timer; where there is none, the test fails rather than wait for ever.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(story: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(story)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


class _Clock(selectors.SelectSelector):
    """A selector that advances its clock in place of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("all tasks wait, and no timer is set: they would wait for ever")
        self.now += max(timeout, 0)
        return []
