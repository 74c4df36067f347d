"""Places: each character of a scalar's value is found in the file, however YAML writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netattach_cli import places
from netattach_cli.manifests import Manifest, manifests
from netattach_core.api.nad import KIND

CONFIG = '{ "name": "it\'s",\n  "type": "bridge" }'


CONFIG_AT = ("spec", "config")


def manifest(text: str) -> Manifest:
    (found,) = manifests("f", text)
    return found


def offsets(found: Manifest) -> tuple[int, ...]:
    return found.offsets(CONFIG_AT) or ()


@pytest.mark.parametrize(
    "scalar",
    [
        pytest.param('|\n    { "name": "it\'s",\n      "type": "bridge" }\n', id="a literal block"),
        pytest.param(
            '|- # a comment\n\n    { "name": "it\'s",\n      "type": "bridge" }\n',
            id="a block with a comment",
        ),
        pytest.param(
            '|2\n      { "name": "it\'s",\n      "type": "bridge" }\n',
            id="a block with its indentation given",
        ),
        pytest.param('>\n    { "name": "it\'s",\n      "type": "bridge" }\n', id="a folded block"),
        pytest.param('\'{ "name": "it\'\'s",\n    "type": "bridge" }\'\n', id="single quotes over two lines"),
        pytest.param(
            '"{ \\"name\\": \\"it\'s\\",\\n \\"type\\": \\"bridge\\" }"\n', id="double quotes with escapes"
        ),
        pytest.param(
            '"{ \\"name\\": \\"it\'s\\", \\\n    \\"type\\": \\"\\u0062ridge\\" }"\n',
            id="an escaped line break",
        ),
    ],
)
def test_a_word_is_found_where_the_file_has_it(scalar: str) -> None:
    """Line breaks, indentation, doubled quotes and escapes are all walked over."""
    text = f"kind: {KIND}\nspec:\n  config: {scalar}"
    found = manifest(text)
    at = offsets(found)[found.value(*CONFIG_AT).index('"type"')]

    assert text[at:].lstrip("\\").startswith('"type')


def test_a_plain_scalar_has_no_marks_around_it() -> None:
    """It may hold JSON by accident only, but the place is right."""
    found = manifest(f"kind: {KIND}\nspec:\n  config: word and\n    more\n")

    assert found.text[offsets(found)[found.value(*CONFIG_AT).index("more")] :].startswith("more")


def test_two_that_do_not_fit_are_none() -> None:
    """Then the scalar's own place is shown."""
    assert places.align("'abc'", places.Span(0, 5, "'"), "abd") is None
    assert places.align("'abc'", places.Span(0, 5, "'"), "abcd") is None


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
    st.sampled_from(["|", ">", "'", '"', None]),
)
def test_whatever_yaml_writes_is_found_again(value: str, style: Any) -> None:
    """Each character that is no blank stands in the file at the place that is given, or is written as an escape there."""
    text = yaml.safe_dump({"kind": KIND, "spec": {"config": value}}, default_style=style, allow_unicode=True)
    found = manifest(text)

    assert value == found.value(*CONFIG_AT)
    for char, at in zip(value, offsets(found), strict=False):
        assert char.isspace() or text[at] in {char, "\\"}


@given(st.text())
def test_whatever_json_writes_is_found_again(value: str) -> None:
    """The same for JSON's escapes, which lint meets in `kubectl get -o json`."""
    text = json.dumps({"kind": KIND, "spec": {"config": value}})
    found = manifest(text)

    assert value == found.value(*CONFIG_AT)
    for char, at in zip(value, offsets(found), strict=False):
        assert char.isspace() or text[at] in {char, "\\"}
