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


def rotation(most: int) -> fair_share.Rotation[Key]:
    return fair_share.Rotation(most, namespace=lambda key: key[0])


def test_who_waits_longest_is_taken_first() -> None:
    keys = [("a", name) for name in "vwxyz"]
    rounds = rotation(2)

    assert [keys[:2], keys[2:4], [keys[4], keys[0]]] == [rounds.take(keys) for _ in range(3)]


def test_a_namespace_waits_only_for_other_namespaces_however_much_these_contain() -> None:
    crowds = [(namespace, str(number)) for namespace in "abc" for number in range(100)]
    rounds = rotation(2)
    for _ in range(4):
        rounds.take(crowds)

    assert ("z", "new") in rounds.take([*crowds, ("z", "new")]) + rounds.take([*crowds, ("z", "new")])


def test_those_that_are_always_new_do_not_come_first() -> None:
    """As pods that are created again and again, in new namespaces too."""
    waiting = [("w", "1"), ("w", "2"), ("w", "3")]
    rounds = rotation(2)
    taken = [
        rounds.take([*waiting, *((f"a{number}-{each}", "") for each in range(5))]) for number in range(20)
    ]

    assert set(waiting) <= {key for each in taken for key in each}


def test_one_that_comes_back_waits_as_a_new_one() -> None:
    a, b, c = ("n", "a"), ("n", "b"), ("n", "c")
    rounds = rotation(1)
    rounds.take([a, b, c])
    rounds.take([a, c])

    assert [[a], [b]] == [rounds.take([a, b]), rounds.take([a, b])]


def test_a_round_without_items() -> None:
    assert [] == rotation(3).take([])


@given(KEYS, st.integers(1, 9))
def test_each_namespace_is_taken_within_the_rounds_that_all_of_them_fill(keys: list[Key], most: int) -> None:
    namespaces = {namespace for namespace, _ in keys}
    rounds = rotation(most)
    taken = [rounds.take(keys) for _ in range(-(-len(namespaces) // most))]

    assert namespaces == {namespace for each in taken for namespace, _ in each}


@given(KEYS, st.integers(1, 9))
def test_each_item_is_taken_before_any_other_of_its_namespace_is_taken_twice(
    keys: list[Key], most: int
) -> None:
    namespaces = {namespace for namespace, _ in keys}
    rounds, seen = rotation(most), list[Key]()
    for _ in range(len(keys) * len(namespaces)):
        seen += rounds.take(keys)

    for namespace in namespaces:
        own = {key for key in keys if key[0] == namespace}
        taken = [key for key in seen if key[0] == namespace]
        assert own == set(taken[: len(own)])
