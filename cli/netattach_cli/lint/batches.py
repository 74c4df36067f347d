"""Work in batches, several at once in processes, with the results in order."""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from netattach_cli.lint.forked_call import ForkedCall

T = TypeVar("T")
R = TypeVar("R")

SIZE = 500
"""Items of a batch. To start a process costs as much as some twenty items: both copies of the memory are written to."""

FIRST_SIZE = 50
_MOST_PROCESSES = 4
"""As many validate faster than one reads."""


class Batches(Generic[T, R]):
    """Hands over the result of each item, in the order of the items.

    `work` gets one batch after the other, and may remember items for those after them. Where it runs in a copy of this process,
    `skip` remembers them here. The last batch is worked off here, and the first one, a small one: what it loads is in all copies.
    """

    def __init__(
        self, work: Callable[[Sequence[T]], Sequence[R]], skip: Callable[[Sequence[T]], object]
    ) -> None:
        self._work, self._skip = work, skip
        self._processes = processes()
        self._size = FIRST_SIZE
        self._items: list[T] = []
        self._actions: list[Callable[[Iterator[R]], object]] = []
        self._running: deque[tuple[ForkedCall[Sequence[R]], list[Callable[[Iterator[R]], object]]]] = deque()

    def put(self, item: T, hand_over: Callable[[R], object]) -> None:
        """Takes one more item, whose result is handed over in time. Raises ForkedCallError, as `finish` does."""
        self._items.append(item)
        self._actions.append(lambda results: hand_over(next(results)))
        if len(self._items) >= self._size:
            self._work_off()

    def then(self, action: Callable[[], object]) -> None:
        """Does something after the results of all items so far are handed over."""
        if self._items or self._running:
            self._actions.append(lambda _: action())
        else:
            action()

    def finish(self) -> None:
        """Hands over all results that are left. Raises ForkedCallError where a process ended without one."""
        self._work_off_here()

    def stop(self) -> None:
        """Ends all processes, where something prevents the rest of the work."""
        for call, _ in self._running:
            call.stop()
        self._running.clear()

    def _work_off(self) -> None:
        is_first, self._size = self._size == FIRST_SIZE, SIZE
        if is_first or self._processes < 2:
            self._work_off_here()
            return
        if len(self._running) == self._processes:
            self._hand_over_oldest()
        try:
            call = ForkedCall(functools.partial(self._work, self._items))
        except OSError:  # a limit on processes or memory
            self._work_off_here()
            return
        items, actions = self._taken()
        self._running.append((call, actions))
        self._skip(items)

    def _work_off_here(self) -> None:
        items, actions = self._taken()
        results = self._work(items)
        while self._running:
            self._hand_over_oldest()
        _hand_over(results, actions)

    def _hand_over_oldest(self) -> None:
        call, actions = self._running.popleft()
        _hand_over(call.result(), actions)

    def _taken(self) -> tuple[list[T], list[Callable[[Iterator[R]], object]]]:
        taken = self._items, self._actions
        self._items, self._actions = [], []
        return taken


def processes() -> int:
    """How many work at once: one for each CPU that is ours, one alone on systems other than Linux."""
    if not hasattr(os, "memfd_create"):
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)


def _hand_over(results: Sequence[R], actions: Sequence[Callable[[Iterator[R]], object]]) -> None:
    waiting = iter(results)
    for action in actions:
        action(waiting)
