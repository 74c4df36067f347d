"""Each character of a scalar is found in the file, in every style of YAML."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netattach_cli import documents
from netattach_cli.lint import scalar_offsets
from netattach_cli.lint.manifests import Manifest, manifests
from netattach_core.api.nad import KIND

CONFIG = '{ "name": "it\'s",\n  "type": "bridge" }'

CONFIG_AT = ("spec", "config")


def manifest(text: str) -> Manifest:
    (document,) = documents.parse("f", text)
    (found,) = manifests("f", text, document)
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
def test_a_word_of_a_config_is_found_in_the_file(scalar: str) -> None:
    """Past line breaks, indentation, doubled quotes and escapes."""
    text = f"kind: {KIND}\nspec:\n  config: {scalar}"
    found = manifest(text)
    at = offsets(found)[found.value(*CONFIG_AT).index('"type"')]

    assert text[at:].lstrip("\\").startswith('"type')


def test_a_word_of_a_plain_scalar_is_found() -> None:
    """A plain scalar has no quotes around it."""
    found = manifest(f"kind: {KIND}\nspec:\n  config: word and\n    more\n")

    assert found.text[offsets(found)[found.value(*CONFIG_AT).index("more")] :].startswith("more")


def test_a_value_that_does_not_match_the_file_has_no_offsets() -> None:
    """Then a finding shows the location of the whole scalar."""
    assert scalar_offsets.align("'abc'", scalar_offsets.Span(0, 5, "'"), "abd") is None
    assert scalar_offsets.align("'abc'", scalar_offsets.Span(0, 5, "'"), "abcd") is None


@pytest.mark.parametrize("style", ["|", "'", '"', None])
def test_a_no_break_space_is_found_where_it_is(style: Any) -> None:
    """Not at the end of the line before it: YAML neither folds nor strips it."""
    value = '{"a": 1,\n\u00a0"b": 2}'
    text = yaml.safe_dump({"kind": KIND, "spec": {"config": value}}, default_style=style, allow_unicode=True)
    at = offsets(manifest(text))[value.index("\u00a0")]

    assert text.startswith(("\u00a0", r"\_"), at)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])),
    st.sampled_from(["|", ">", "'", '"', None]),
)
def test_every_character_that_yaml_writes_is_found(value: str, style: Any) -> None:
    """At the offset of a character that is not whitespace, the file has this character or an escape."""
    text = yaml.safe_dump({"kind": KIND, "spec": {"config": value}}, default_style=style, allow_unicode=True)
    found = manifest(text)

    assert value == found.value(*CONFIG_AT)
    for char, at in zip(value, offsets(found), strict=False):
        assert char.isspace() or text[at] in {char, "\\"}


@given(st.text())
def test_every_character_that_json_writes_is_found(value: str) -> None:
    """JSON has its own escapes, as in the output of `kubectl get -o json`."""
    text = json.dumps({"kind": KIND, "spec": {"config": value}})
    found = manifest(text)

    assert value == found.value(*CONFIG_AT)
    for char, at in zip(value, offsets(found), strict=False):
        assert char.isspace() or text[at] in {char, "\\"}
