"""Did you mean …? A word is suggested where the typing error is obvious, and none elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.plugins import known_types
from netattach_core.text import suggestions

WORDS = st.text(alphabet="abc", max_size=6)


@pytest.mark.parametrize(
    ("expected", "word", "known"),
    [
        pytest.param("macvlan", "macvlann", ["macvlan", "ipvlan"], id="a surplus letter"),
        pytest.param("macvlan", "mcavlan", ["macvlan", "ipvlan"], id="two letters exchanged"),
        pytest.param("macvlan", "MACVLAN", ["macvlan"], id="capitals"),
        pytest.param("host-local", "host_local", ["host-local"], id="another separator"),
        pytest.param("rangeStart", "range_start", ["subnet", "rangeStart"], id="snake case"),
        pytest.param("type", "typ", ["type"], id="a short word"),
        pytest.param(None, "tag", ["tap"], id="three letters are too few to be sure"),
        pytest.param(None, "cluster", ["bridge"], id="an unrelated word"),
        pytest.param(None, "anything", [], id="no known words"),
    ],
)
def test_the_closest_known_word_is_suggested(expected: str | None, word: str, known: list[str]) -> None:
    """Case and separators are ignored; letters are compared."""
    assert expected == suggestions.closest(word, known)


@pytest.mark.parametrize("kind", sorted({*known_types(ipam=False), *known_types(ipam=True)}))
def test_a_known_type_is_its_own_closest_word(kind: str) -> None:
    assert kind == suggestions.closest(kind, [*known_types(ipam=False), *known_types(ipam=True)])


@given(WORDS, WORDS)
def test_edit_distance_is_symmetric_and_zero_only_for_equal_words(one: str, other: str) -> None:
    assert (suggestions.edit_distance(one, other) == 0) == (one == other)
    assert suggestions.edit_distance(one, other) == suggestions.edit_distance(other, one)
