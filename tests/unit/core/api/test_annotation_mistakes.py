"""All mistakes of an annotation at once, each with its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api import annotation_mistakes, networks_annotation
from netattach_core.api.annotation_mistakes import MAX_MISTAKES, Mistake, element_offsets, mistakes
from netattach_core.api.networks_annotation import FIELDS, MAX_LENGTH
from netattach_core.errors import AnnotationError


def places(text: str) -> list[tuple[int | None, str, str]]:
    """Element, field, and the text from the offset on, of each mistake."""
    found = mistakes(text, "lab")
    return [(each.element, each.field, text[each.offset :]) for each in found if each.offset is not None]


@pytest.mark.parametrize("text", ["", " ", "a", "a, b/c@net1", "[]", '[{"name": "a"}]'])
def test_a_valid_annotation_has_none(text: str) -> None:
    assert [] == mistakes(text, "lab")


def test_each_element_of_a_list_is_looked_at() -> None:
    assert [(0, "", "A, b, c@eth/0,"), (2, "", "c@eth/0,"), (3, "", "")] == places("A, b, c@eth/0,")


def test_each_field_of_each_element_is_looked_at() -> None:
    text = '[{"name": "A", "ips": ["x"], "mac": 1}, {"name": "b"}, 5, {"Name": "c", "BANDWIDTH": {}}]'
    found = [(element, field) for element, field, _ in places(text)]

    assert [(0, "name"), (0, "ips"), (0, "mac"), (2, ""), (3, "bandwidth")] == found
    assert places(text)[1][2].startswith('["x"]')
    assert places(text)[4][2].startswith("{}}]")


def test_a_missing_field_is_at_its_element() -> None:
    assert [(0, "name", '{"ips": ["10.0.0.1"]}]')] == places('[{"ips": ["10.0.0.1"]}]')


@pytest.mark.parametrize(("text", "rest"), [('[{"name": "a",}]', ",}]"), ('{"name": "a"}', '{"name": "a"}')])
def test_a_text_that_is_no_list_has_one(text: str, rest: str) -> None:
    assert [(None, "", rest)] == places(text)


def test_a_text_that_is_too_long_has_one_without_a_place() -> None:
    (only,) = mistakes("a," * MAX_LENGTH, "lab")

    assert Mistake(only.problem) == only
    assert [] == element_offsets("a," * MAX_LENGTH)


def test_no_more_than_a_hundred_are_listed() -> None:
    assert MAX_MISTAKES == len(mistakes(",".join("A" * 500), "lab"))
    assert MAX_MISTAKES == len(mistakes(json.dumps([5] * 500), "lab"))


def test_the_fields_are_those_that_are_read() -> None:
    """A list of its own would be forgotten when one is added."""
    element = dict.fromkeys(FIELDS, 5)
    named = {each.field for each in mistakes(json.dumps([element]), "lab")}

    assert set(FIELDS) == named


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=2)
)
ELEMENTS = st.dictionaries(st.sampled_from([*FIELDS, "NAME", "x", ""]), VALUES, max_size=4)
JSON = st.lists(st.one_of(ELEMENTS, VALUES), max_size=4).map(json.dumps)
LISTS = st.lists(st.one_of(st.text("aA/@,- ", max_size=5), st.just("net")), max_size=5).map(",".join)


@given(st.one_of(st.text(), LISTS, JSON))
def test_there_are_some_exactly_where_the_parser_refuses(text: str) -> None:
    """And the first one is what the parser says, since the daemon says only that."""
    found = mistakes(text, "lab")
    said = []
    try:
        networks_annotation.parse(text, "lab")
    except AnnotationError as error:
        said = [error.message]

    assert said == [each.problem for each in found[:1]]
    for each in found:
        assert each.offset is None or 0 <= each.offset <= len(text)
    assert all(0 <= offset <= len(text) for offset in annotation_mistakes.element_offsets(text))
