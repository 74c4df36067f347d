"""What is cached of texts, and how much: whoever may send networks to admission chooses how many there are, and how long."""

from __future__ import annotations

import gc

import pytest

from netattach_core.validation.memoize import cache_texts

SHORT, LONG, LONGEST = 2048, 2049, 32 * 1024


class Result:
    """What was computed from a text; objects of this class can be counted."""


def results() -> int:
    gc.collect()
    return sum(isinstance(each, Result) for each in gc.get_objects())


@cache_texts(100)
def computed(text: str, name: str) -> Result:
    return Result()


@pytest.mark.parametrize("length", [1, SHORT, LONG, LONGEST])
def test_a_text_is_read_once(length: int) -> None:
    text = "a" * length

    assert computed(text, "x") is computed(text, "x")
    assert computed(text, "x") is not computed(text, "y")


def test_of_long_texts_only_a_few_results_are_kept() -> None:
    @cache_texts(100)
    def read(text: str) -> Result:
        return Result()

    before = results()
    for number in range(200):
        read(f"{number}".rjust(LONG))
    assert results() - before == 16

    for number in range(200):
        read(f"{number}".rjust(SHORT))
    assert results() - before == 116


def test_longer_texts_than_admission_accepts_are_not_kept() -> None:
    assert computed("a" * (LONGEST + 1), "x") is not computed("a" * (LONGEST + 1), "x")
