"""Room that namespaces share: none of them can fill it alone, and nothing is left out as long as there is room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api import fair_share
from netattach_core.api.objects import Key

KEYS = st.lists(st.tuples(st.sampled_from("abcd"), st.text("xyz", max_size=3)), unique=True, max_size=40)


def first(keys: list[Key], most: int) -> list[Key]:
    return fair_share.first(keys, most, namespace=lambda key: key[0], order=lambda key: key)


def test_each_namespace_in_turn() -> None:
    keys = [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1"), ("c", "1"), ("c", "2")]

    assert [("a", "1"), ("b", "1"), ("c", "1"), ("a", "2")] == first(keys, 4)


@given(KEYS, st.integers(0, 50))
def test_as_many_as_there_is_room_for_and_none_twice(keys: list[Key], most: int) -> None:
    found = first(keys, most)

    assert min(most, len(keys)) == len(found) == len(set(found))
    assert set(found) <= set(keys)


@given(KEYS, st.integers(0, 50))
def test_whoever_is_left_out_has_as_many_as_anybody_else(keys: list[Key], most: int) -> None:
    found = first(keys, most)
    counts = {namespace: sum(key[0] == namespace for key in found) for namespace, _ in keys}

    for namespace, _ in set(keys) - set(found):
        assert counts[namespace] >= max(counts.values()) - 1


@given(KEYS, st.integers(0, 50))
def test_the_order_of_the_input_does_not_count(keys: list[Key], most: int) -> None:
    assert first(keys, most) == first(keys[::-1], most)
