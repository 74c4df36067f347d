"""Did you mean …: a word is offered where the slip is plain, and none where it is not."""

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
        pytest.param("macvlan", "macvlann", ["macvlan", "ipvlan"], id="a letter too many"),
        pytest.param("macvlan", "mcavlan", ["macvlan", "ipvlan"], id="two letters exchanged"),
        pytest.param("macvlan", "MACVLAN", ["macvlan"], id="capitals"),
        pytest.param("host-local", "host_local", ["host-local"], id="another separator"),
        pytest.param("rangeStart", "range_start", ["subnet", "rangeStart"], id="another plugin's spelling"),
        pytest.param("type", "typ", ["type"], id="a short word"),
        pytest.param(None, "tag", ["tap"], id="three letters are too few to be sure"),
        pytest.param(None, "cluster", ["bridge"], id="another word"),
        pytest.param(None, "anything", [], id="nothing to choose from"),
    ],
)
def test_the_word_that_is_meant(expected: str | None, word: str, known: list[str]) -> None:
    """Case and separators do not count; letters do."""
    assert expected == suggestions.closest(word, known)


@pytest.mark.parametrize("kind", sorted({*known_types(ipam=False), *known_types(ipam=True)}))
def test_no_known_type_is_taken_for_another(kind: str) -> None:
    """Types that exist are never misspelt; the nearest to each is itself."""
    assert kind == suggestions.closest(kind, [*known_types(ipam=False), *known_types(ipam=True)])


@given(WORDS, WORDS)
def test_slips_are_a_distance(one: str, other: str) -> None:
    """None between equals, the same both ways."""
    assert (suggestions.slips(one, other) == 0) == (one == other)
    assert suggestions.slips(one, other) == suggestions.slips(other, one)
