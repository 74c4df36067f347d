"""What is due comes out once, the earliest first."""

from __future__ import annotations

import asyncio

import pytest

from netattach_operator.keys import Keys

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
def keys(clock: Clock) -> Keys:
    return Keys(clock)


def taken(keys: Keys, count: int) -> list[tuple[str, str]]:
    async def story() -> list[tuple[str, str]]:
        async with asyncio.timeout(10):
            return [await keys.take() for _ in range(count)]

    return asyncio.run(story())


def is_empty(keys: Keys) -> bool:
    """Nothing is due now."""

    async def story() -> bool:
        try:
            async with asyncio.timeout(0):
                await keys.take()
        except TimeoutError:
            return True
        return False

    return asyncio.run(story())


def test_the_earliest_comes_first(keys: Keys, clock: Clock) -> None:
    keys.add(A, 3)
    keys.add(B, 1)
    keys.add(C)
    clock.now += 5

    assert [C, B, A] == taken(keys, 3)


def test_a_key_is_in_it_once(keys: Keys) -> None:
    for _ in range(3):
        keys.add(A)

    assert [A] == taken(keys, 1)
    assert is_empty(keys)


def test_nothing_comes_out_before_it_is_due(keys: Keys, clock: Clock) -> None:
    keys.add(A, 2)

    assert is_empty(keys)
    clock.now += 2
    assert [A] == taken(keys, 1)


def test_a_key_may_become_due_sooner_but_not_later(keys: Keys) -> None:
    """Else it would never be due where it is added again and again."""
    keys.add(A, 5)
    keys.add(A)
    keys.add(A, 9)

    assert [A] == taken(keys, 1)


def test_a_key_that_rests_comes_out_after_it(keys: Keys, clock: Clock) -> None:
    keys.rest(A, 5)
    keys.add(A)

    assert is_empty(keys)
    clock.now += 5
    assert [A] == taken(keys, 1)


def test_rest_holds_for_what_has_been_added_already(keys: Keys, clock: Clock) -> None:
    keys.add(A)
    keys.rest(A, 5)

    assert is_empty(keys)
    clock.now += 5
    assert [A] == taken(keys, 1)


def test_what_is_forgotten_does_not_come_out_and_does_not_rest(keys: Keys) -> None:
    keys.rest(A, 5)
    keys.add(A)
    keys.forget(A)

    assert 0 == len(keys)
    keys.add(A)
    assert [A] == taken(keys, 1)


def test_whoever_waits_is_woken() -> None:
    async def story() -> None:
        keys = Keys(asyncio.get_running_loop().time)
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            keys.add(B, 3600)
            waiting = tasks.create_task(keys.take())
            await asyncio.sleep(0)
            keys.add(A, 0.01)

            assert A == await waiting

    asyncio.run(story())
