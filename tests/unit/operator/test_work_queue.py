"""A due key is returned once, the earliest first, and what can wait after what cannot."""

from __future__ import annotations

import asyncio

import pytest

from netattach_operator.work_queue import WorkQueue
from support import api_server

A, B, C = ("ns", "a"), ("ns", "b"), ("ns", "c")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue:
    return WorkQueue(clock)


def taken(queue: WorkQueue, count: int) -> list[tuple[str, str]]:
    async def story() -> list[tuple[str, str]]:
        async with asyncio.timeout(api_server.PATIENCE):
            return [await queue.get() for _ in range(count)]

    return asyncio.run(story())


def is_empty(queue: WorkQueue) -> bool:
    """Nothing is due now."""

    async def story() -> bool:
        try:
            async with asyncio.timeout(0):
                await queue.get()
        except TimeoutError:
            return True
        return False

    return asyncio.run(story())


def test_the_earliest_comes_first(queue: WorkQueue, clock: Clock) -> None:
    queue.add(A, 3)
    queue.add(B, 1)
    queue.add(C)
    clock.now += 5

    assert [C, B, A] == taken(queue, 3)


def test_a_key_is_queued_once(queue: WorkQueue) -> None:
    for _ in range(3):
        queue.add(A)

    assert [A] == taken(queue, 1)
    assert is_empty(queue)


def test_no_key_is_returned_before_it_is_due(queue: WorkQueue, clock: Clock) -> None:
    queue.add(A, 2)

    assert is_empty(queue)
    clock.now += 2
    assert [A] == taken(queue, 1)


def test_a_key_may_become_due_sooner_but_not_later(queue: WorkQueue) -> None:
    """Otherwise it would never be due where it is added again and again."""
    queue.add(A, 5)
    queue.add(A)
    queue.add(A, 9)

    assert [A] == taken(queue, 1)


def test_a_held_key_is_returned_after_its_hold(queue: WorkQueue, clock: Clock) -> None:
    queue.hold(A, 5)
    queue.add(A)

    assert is_empty(queue)
    clock.now += 5
    assert [A] == taken(queue, 1)


def test_a_hold_applies_to_a_queued_key(queue: WorkQueue, clock: Clock) -> None:
    queue.add(A)
    queue.hold(A, 5)

    assert is_empty(queue)
    clock.now += 5
    assert [A] == taken(queue, 1)


def test_a_forgotten_key_is_neither_queued_nor_held(queue: WorkQueue) -> None:
    queue.hold(A, 5)
    queue.add(A)
    queue.forget(A)

    assert 0 == len(queue)
    queue.add(A)
    assert [A] == taken(queue, 1)


def test_a_new_key_wakes_the_consumer() -> None:
    async def story() -> None:
        queue = WorkQueue(asyncio.get_running_loop().time)
        async with asyncio.timeout(api_server.PATIENCE), asyncio.TaskGroup() as tasks:
            queue.add(B, 3600)
            waiting = tasks.create_task(queue.get())
            await asyncio.sleep(0)
            queue.add(A, 0.01)

            assert A == await waiting

    asyncio.run(story())


def test_a_key_is_with_one_consumer_at_a_time(queue: WorkQueue) -> None:
    queue.add(A)
    assert [A] == taken(queue, 1)
    queue.add(A)
    queue.add(A, 5)

    assert is_empty(queue)
    queue.done(A)
    assert [A] == taken(queue, 1)


def test_a_key_that_changed_meanwhile_is_still_held(queue: WorkQueue, clock: Clock) -> None:
    queue.add(A)
    assert [A] == taken(queue, 1)
    queue.add(A)
    queue.hold(A, 5)
    queue.done(A)

    assert is_empty(queue)
    clock.now += 5
    assert [A] == taken(queue, 1)


def test_what_can_wait_comes_last_and_one_at_a_time(queue: WorkQueue) -> None:
    queue.add_later(A)
    queue.add_later(B)
    queue.add(C)

    assert [C, A] == taken(queue, 2)
    assert (False, True) == (queue.can_wait(C), queue.can_wait(A))
    assert is_empty(queue)
    queue.done(A)
    assert [B] == taken(queue, 1)


def test_a_rest_is_for_what_can_wait_alone(queue: WorkQueue, clock: Clock) -> None:
    queue.rest(5)
    queue.rest(1)
    queue.add_later(A)
    queue.add(B)

    assert [B] == taken(queue, 1)
    assert is_empty(queue)
    clock.now += 5
    assert [A] == taken(queue, 1)


def test_what_can_wait_is_not_lost_where_the_key_comes_sooner(queue: WorkQueue) -> None:
    """It has more to do then."""
    queue.add_later(A)
    queue.add(A)

    assert [A] == taken(queue, 1)
    assert not queue.can_wait(A)
    assert is_empty(queue)
    queue.done(A)
    assert [A] == taken(queue, 1)


def test_what_can_wait_is_not_lost_while_the_key_is_with_a_consumer(queue: WorkQueue) -> None:
    queue.add(A)
    assert [A] == taken(queue, 1)
    queue.add_later(A)

    assert is_empty(queue)
    queue.done(A)
    assert [A] == taken(queue, 1)
    assert queue.can_wait(A)


def test_a_forgotten_key_does_not_come_later_either(queue: WorkQueue) -> None:
    queue.add_later(A)
    queue.forget(A)

    assert is_empty(queue)


def test_the_end_of_a_rest_wakes_the_consumer() -> None:
    async def story() -> None:
        queue = WorkQueue(asyncio.get_running_loop().time)
        queue.rest(0.02)
        queue.add_later(A)
        async with asyncio.timeout(api_server.PATIENCE):
            assert A == await queue.get()

    asyncio.run(story())


def test_all_consumers_get_work() -> None:
    async def story() -> None:
        queue = WorkQueue(asyncio.get_running_loop().time)
        async with asyncio.timeout(api_server.PATIENCE), asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(queue.get()) for _ in range(3)]
            await asyncio.sleep(0)
            for key in (A, B, C):
                queue.add(key)

            assert {A, B, C} == {await each for each in waiting}

    asyncio.run(story())
