"""CallQueue: one call per sandbox, bounded concurrency, order, deadline and cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from netattach_core.errors import TryAgainError
from netattach_plugin.calls.call_queue import CallQueue


@dataclass
class Runtime:
    """The port Caller."""

    deadline: float = 10.0
    cancellation: asyncio.Event = field(default_factory=asyncio.Event)

    def seconds_left(self) -> float:
        return self.deadline


@dataclass
class Calls:
    """Calls that hold their slot until they are released; `started` has them in order."""

    queue: CallQueue
    started: list[str] = field(default_factory=list)
    release: dict[str, asyncio.Event] = field(default_factory=dict)

    async def call(self, name: str, sandbox: str, runtime: Runtime | None = None) -> None:
        self.release[name] = asyncio.Event()
        async with self.queue.slot(sandbox, runtime or Runtime()):
            self.started.append(name)
            await self.release[name].wait()


async def _idle() -> None:
    """All tasks have run until they wait for an event."""
    for _ in range(10):
        await asyncio.sleep(0)


def _run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def test_calls_of_one_sandbox_run_one_by_one_and_wait_without_a_slot() -> None:
    """Two of them wait, and the call of another sandbox gets the second slot."""

    async def story() -> None:
        calls = Calls(CallQueue(concurrency=2))
        async with asyncio.TaskGroup() as tasks:
            for name, sandbox in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b", "b")):
                tasks.create_task(calls.call(name, sandbox))
            await _idle()
            assert ["a1", "b"] == calls.started
            for name in ("a1", "a2", "a3", "b"):
                calls.release[name].set()
        assert ["a1", "b", "a2", "a3"] == calls.started

    _run(story())


def test_the_queue_is_first_in_first_out() -> None:
    """Over all sandboxes."""

    async def story() -> None:
        calls = Calls(CallQueue(concurrency=1))
        async with asyncio.TaskGroup() as tasks:
            for name in "abcd":
                tasks.create_task(calls.call(name, name))
            for name in "abcd":
                await _idle()
                assert name == calls.started[-1]
                calls.release[name].set()

    _run(story())


@pytest.mark.parametrize("sandbox", ["a", "b"])
def test_a_call_fails_with_code_11_after_its_deadline(sandbox: str) -> None:
    """It waits for its sandbox, or for a slot; the next call gets either."""

    async def story() -> None:
        calls = Calls(CallQueue(concurrency=1))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(calls.call("first", "a"))
            await _idle()
            with pytest.raises(TryAgainError, match="deadline exceeded while queued") as failure:
                await calls.call("late", sandbox, Runtime(deadline=0.01))
            assert 11 == failure.value.code
            calls.release["first"].set()
            tasks.create_task(calls.call("next", sandbox))
            await _idle()
            assert ["first", "next"] == calls.started
            calls.release["next"].set()
        assert 0 == calls.queue.waiting

    _run(story())


@pytest.mark.parametrize("sandbox", ["a", "b"])
def test_a_cancelled_call_leaves_the_queue(sandbox: str) -> None:
    """It is not started, though its slot becomes free at the same moment."""

    async def story() -> None:
        calls, runtime = Calls(CallQueue(concurrency=1)), Runtime()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(calls.call("first", "a"))
            await _idle()
            waiting = tasks.create_task(_refused(calls, sandbox, runtime))
            await _idle()
            runtime.cancellation.set()
            calls.release["first"].set()
            await waiting
            tasks.create_task(calls.call("next", sandbox))
            await _idle()
            calls.release["next"].set()
        assert ["first", "next"] == calls.started

    async def _refused(calls: Calls, sandbox: str, runtime: Runtime) -> None:
        with pytest.raises(TryAgainError, match="cancelled by the runtime while queued"):
            await calls.call("leaves", sandbox, runtime)

    _run(story())


def test_a_full_queue_refuses_calls() -> None:
    """At once, rather than after their deadline."""

    async def story() -> None:
        calls = Calls(CallQueue(concurrency=1))
        async with asyncio.TaskGroup() as tasks:
            for number in range(1001):
                tasks.create_task(calls.call(str(number), str(number)))
            await _idle()
            assert 1000 == calls.queue.waiting
            with pytest.raises(TryAgainError, match="call queue full: 1000 calls are waiting"):
                await calls.call("last", "last")
            for release in calls.release.values():
                release.set()
        assert 1001 == len(calls.started)

    _run(story())
