"""Lists of names in messages."""

from __future__ import annotations

import pytest

from netattach_core.text.lists import and_more


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
    ],
)
def test_at_most_three_names_are_listed_and_the_rest_is_counted(names: list[str], text: str) -> None:
    assert and_more(names, 3) == text


def test_names_may_come_from_an_iterator() -> None:
    assert and_more((name for name in "abc"), 2) == "a, b and 1 more"
