"""Pending DELs: when they are retried, and in which calls."""

from __future__ import annotations

import asyncio
import itertools

from netattach_core.errors import NetattachError
from netattach_plugin.call_ports import Shim
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import PendingDeletes
from support.twins import FakeShim
from support.twins_of_links import FakePodLinks


class Retries:
    """Pending DELs with a clock; `failing`: their retries fail."""

    def __init__(self) -> None:
        self.now = 100.0
        self.failing = False
        self.retried: list[str] = []
        self.queue = CallQueue()
        self.pending = PendingDeletes(self._retry, self.queue, lambda: self.now)

    async def _retry(self, container_id: str, _: Shim) -> None:
        self.retried.append(container_id)
        if self.failing:
            raise NetattachError("busy")

    def call(self) -> list[str]:
        """The sandboxes that the call of another one retries."""
        self.retried.clear()
        asyncio.run(self.pending.retry_due(FakeShim(FakePodLinks())))
        return list(self.retried)


def test_a_pending_delete_is_retried_by_the_next_call_once() -> None:
    retries = Retries()
    retries.pending.add("c1")

    assert ["c1"] == retries.call()
    assert [] == retries.call()


def test_a_pending_delete_is_not_retried_before_it_is_due() -> None:
    """The runtime has some time to retry by itself."""
    retries = Retries()
    retries.pending.add("c1", after=30.0)

    assert [] == retries.call()
    retries.now += 30.0
    assert ["c1"] == retries.call()


def test_a_call_of_the_runtime_replaces_the_retry() -> None:
    retries = Retries()
    retries.pending.add("c1")

    retries.pending.discard("c1")
    retries.pending.discard("c1")

    assert [] == retries.call()


def test_a_retry_that_fails_is_repeated_with_back_off() -> None:
    """After 2, 4, 8 … seconds, and not in every call."""
    retries = Retries()
    retries.failing = True
    retries.pending.add("c1")

    tried = []
    for _ in range(15):
        tried.append(bool(retries.call()))
        retries.now += 1.0

    assert [True, False, True, False, False, False, True, *[False] * 7, True] == tried
    retries.failing = False
    retries.now += 100.0
    assert ["c1"] == retries.call()
    assert "c1" not in retries.pending


def test_a_sandbox_with_a_running_call_is_not_retried() -> None:
    """The outcome of that call counts."""
    retries = Retries()
    retries.pending.add("c1")

    async def story() -> None:
        shim = FakeShim(FakePodLinks())
        async with retries.queue.slot("c1", shim):
            await retries.pending.retry_due(shim)

    asyncio.run(story())
    assert [] == retries.retried
    assert "c1" not in retries.pending


def test_a_cancelled_call_retries_nothing() -> None:
    """Its shim is about to end; the DEL stays pending."""
    retries = Retries()
    retries.pending.add("c1")
    shim = FakeShim(FakePodLinks())
    shim.cancellation.set()

    asyncio.run(retries.pending.retry_due(shim))

    assert [] == retries.retried
    assert "c1" in retries.pending


def test_a_call_retries_pending_deletes_for_a_bounded_time() -> None:
    """After two seconds it goes on with its own work."""
    seconds = itertools.count()
    sandboxes = {f"c{number}" for number in range(10)}
    retried: set[str] = set()

    async def retry(container_id: str, _: Shim) -> None:
        retried.add(container_id)

    pending = PendingDeletes(retry, CallQueue(), lambda: float(next(seconds)))
    for container_id in sandboxes:
        pending.add(container_id, after=-100.0)

    asyncio.run(pending.retry_due(FakeShim(FakePodLinks())))

    assert 1 <= len(retried) < 10
    assert sandboxes - retried == {each for each in sandboxes if each in pending}
