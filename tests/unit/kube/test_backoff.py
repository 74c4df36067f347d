"""Back-off: pauses double up to the longest, start again after a success, and jitter stays within its half."""

from __future__ import annotations

import itertools

from netattach_kube.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    assert [1.0, 2.0, 4.0, 5.0, 5.0] == list(itertools.islice(Backoff(1.0, 5.0), 5))


def test_after_a_reset_it_starts_again() -> None:
    backoff = Backoff(1.0, 5.0)
    backoff.next()
    backoff.next()
    backoff.reset()

    assert 1.0 == backoff.next()


def test_it_is_exhausted_when_the_pause_does_not_grow_any_more() -> None:
    backoff = Backoff(1.0, 4.0)

    seen = []
    for _ in range(4):
        seen.append(backoff.exhausted)
        backoff.next()

    assert [False, False, True, True] == seen


def test_jitter_draws_from_the_upper_half_of_each_pause() -> None:
    pauses = list(itertools.islice(Backoff(1.0, 4.0, jitter=True), 50))

    assert all(0.5 * pause <= drawn <= pause for pause, drawn in zip([1, 2, *[4] * 48], pauses, strict=True))
    assert len(set(pauses)) > 1
