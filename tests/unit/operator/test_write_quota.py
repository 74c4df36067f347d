"""A few writes at once, and one in a while after that."""

from __future__ import annotations

import pytest

from netattach_operator.write_quota import WriteQuota

A, B = ("ns", "a"), ("ns", "b")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.every = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quota(clock: Clock) -> WriteQuota:
    return WriteQuota(clock, 3, lambda: clock.every)


def test_the_first_writes_are_allowed_at_once(quota: WriteQuota) -> None:
    assert [0, 0, 5] == [quota.spend(A) for _ in range(3)]


def test_each_key_has_a_quota_of_its_own(quota: WriteQuota) -> None:
    for _ in range(3):
        quota.spend(A)

    assert 0 == quota.spend(B)


def test_in_the_long_run_there_is_one_write_in_a_while(quota: WriteQuota, clock: Clock) -> None:
    for _ in range(50):
        clock.now += quota.spend(A)

    assert 48 * 5 == clock.now - 100


def test_after_a_long_rest_all_writes_are_there_again(quota: WriteQuota, clock: Clock) -> None:
    for _ in range(3):
        quota.spend(A)
    clock.now += 3600

    assert [0, 0, 5] == [quota.spend(A) for _ in range(3)]


def test_a_key_that_is_forgotten_starts_again(quota: WriteQuota) -> None:
    for _ in range(3):
        quota.spend(A)
    quota.forget(A)
    quota.forget(B)

    assert 0 == quota.spend(A)


def test_the_pause_may_change(quota: WriteQuota, clock: Clock) -> None:
    """It grows with the cluster."""
    quota.spend(A)
    quota.spend(A)
    clock.every = 50

    assert 50 == quota.spend(A)
