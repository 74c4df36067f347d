"""CallQueue: one call at a time for a sandbox, so many at once, in order, and nothing begun for who leaves or waits too long."""

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
class Story:
    """Calls that act until they are let go; who acts, in the order in which they began."""

    queue: CallQueue
    began: list[str] = field(default_factory=list)
    let_go: dict[str, asyncio.Event] = field(default_factory=dict)

    async def act(self, name: str, sandbox: str, runtime: Runtime | None = None) -> None:
        self.let_go[name] = asyncio.Event()
        async with self.queue.slot(sandbox, runtime or Runtime()):
            self.began.append(name)
            await self.let_go[name].wait()


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def _told(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def test_calls_of_one_sandbox_take_queue_and_keep_no_place_meanwhile() -> None:
    """Two of it wait, and another sandbox's still finds the second place."""

    async def story() -> None:
        crowd = Story(CallQueue(concurrency=2))
        async with asyncio.TaskGroup() as tasks:
            for name, sandbox in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b", "b")):
                tasks.create_task(crowd.act(name, sandbox))
            await _settled()
            assert ["a1", "b"] == crowd.began
            for name in ("a1", "a2", "a3", "b"):
                crowd.let_go[name].set()
        assert ["a1", "b", "a2", "a3"] == crowd.began

    _told(story())


def test_who_came_first_acts_first() -> None:
    """Fair: a busy sandbox does not pass others by."""

    async def story() -> None:
        crowd = Story(CallQueue(concurrency=1))
        async with asyncio.TaskGroup() as tasks:
            for name in "abcd":
                tasks.create_task(crowd.act(name, name))
            for name in "abcd":
                await _settled()
                assert name == crowd.began[-1]
                crowd.let_go[name].set()

    _told(story())


@pytest.mark.parametrize("sandbox", ["a", "b"])
def test_a_call_that_waits_too_long_fails_with_code_11_and_its_place_goes_on(sandbox: str) -> None:
    """For its sandbox's turn, or for a place."""

    async def story() -> None:
        crowd = Story(CallQueue(concurrency=1))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.act("first", "a"))
            await _settled()
            with pytest.raises(TryAgainError, match="deadline exceeded while queued") as failure:
                await crowd.act("late", sandbox, Runtime(deadline=0.01))
            assert 11 == failure.value.code
            crowd.let_go["first"].set()
            tasks.create_task(crowd.act("next", sandbox))
            await _settled()
            assert ["first", "next"] == crowd.began
            crowd.let_go["next"].set()
        assert 0 == crowd.queue.waiting

    _told(story())


@pytest.mark.parametrize("sandbox", ["a", "b"])
def test_a_runtime_that_gives_up_leaves_the_queue(sandbox: str) -> None:
    """Nothing is begun for it, though its turn comes at the same moment."""

    async def story() -> None:
        crowd, runtime = Story(CallQueue(concurrency=1)), Runtime()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.act("first", "a"))
            await _settled()
            waiting = tasks.create_task(_refused(crowd, sandbox, runtime))
            await _settled()
            runtime.cancellation.set()
            crowd.let_go["first"].set()
            await waiting
            tasks.create_task(crowd.act("next", sandbox))
            await _settled()
            crowd.let_go["next"].set()
        assert ["first", "next"] == crowd.began

    async def _refused(crowd: Story, sandbox: str, runtime: Runtime) -> None:
        with pytest.raises(TryAgainError, match="cancelled by the runtime while queued"):
            await crowd.act("leaves", sandbox, runtime)

    _told(story())


def test_a_queue_that_is_too_long_takes_no_more() -> None:
    """Rather than all of a runtime's deadline for nothing."""

    async def story() -> None:
        crowd = Story(CallQueue(concurrency=1))
        async with asyncio.TaskGroup() as tasks:
            for number in range(1001):
                tasks.create_task(crowd.act(str(number), str(number)))
            await _settled()
            assert 1000 == crowd.queue.waiting
            with pytest.raises(TryAgainError, match="call queue full: 1000 calls are waiting"):
                await crowd.act("last", "last")
            for let_go in crowd.let_go.values():
                let_go.set()
        assert 1001 == len(crowd.began)

    _told(story())
