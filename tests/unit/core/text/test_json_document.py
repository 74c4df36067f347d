"""JSON text: values, their offsets, and the error for each common mistake."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.text import json_document
from netattach_core.text.json_document import JsonTextError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(value=JSON, indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
def test_values_equal_those_of_pythons_json(value: object, indent: int | None, *, ascii_only: bool) -> None:
    """For everything that json.dumps can write."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    assert json.loads(text) == json_document.parse(text).value


@given(JSON)
def test_a_node_spans_its_own_text(value: object) -> None:
    """At every depth, the text between its offsets is the value again."""
    text = json.dumps({"outer": [value]})
    node = json_document.locate(json_document.parse(text), ("outer", 0))

    assert node is not None
    assert value == json.loads(text[node.start : node.end])


_NEARLY_PLAIN = st.text(alphabet='{}[]":,01ae.\\ \n\x1f') | st.lists(
    st.sampled_from(
        [
            '{"a": ',
            '{"b":"c"',
            "{",
            "}",
            '"k":1',
            '"k":true',
            '"k" : "v"',
            ", ",
            ",",
            ":",
            " ",
            "12",
            "nullx",
            "{}",
            "-1e3",
        ]
    ),
    max_size=12,
).map("".join)


@given(_NEARLY_PLAIN)
def test_the_fast_path_for_plain_members_equals_the_general_one(text: str) -> None:
    """In values, offsets and errors."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_document, "_PLAIN_MEMBER", re.compile(r"(?!)"))
        general = _outcome_or_error(text)

    assert general == _outcome_or_error(text)


def _outcome_or_error(text: str) -> json_document.Node | tuple[int, str, str]:
    try:
        return json_document.parse(text)
    except JsonTextError as error:
        return error.offset, error.problem, error.fix


@pytest.mark.parametrize(
    "text", ["9" * 300, "9" * 301, "-" + "9" * 300, "0." + "1" * 298, "0." + "1" * 299, "1e999"]
)
def test_value_accepts_the_same_numbers_as_parse(text: str) -> None:
    error = _outcome(text)[1]

    if error is None:
        assert json.loads(text) == json_document.value(text)
    else:
        with pytest.raises(JsonTextError, match=re.escape(error.problem)):
            json_document.value(text)


@pytest.mark.parametrize("levels", [json_document.MAX_DEPTH, json_document.MAX_DEPTH + 1])
def test_shallow_value_has_the_depth_limit_of_parse(levels: int) -> None:
    text = "[" * levels + "]" * levels
    error = _outcome(text)[1]

    if error is None:
        assert json.loads(text) == json_document.shallow_value(text)
    else:
        with pytest.raises(JsonTextError, match=error.problem):
            json_document.shallow_value(text)


@given(st.text() | st.text(alphabet='{}[]":,0123456789eE+-.truefalsnN \n\\/#'))
def test_any_text_is_json_or_a_json_text_error(text: str) -> None:
    """With an offset inside the text; and nothing is accepted that Python's json refuses."""
    value, error = _outcome(text)

    if error is None:
        assert json.loads(text) == value
    else:
        assert 0 <= error.offset <= len(text)
        assert error.problem
        assert error.fix


def _outcome(text: str) -> tuple[object, JsonTextError | None]:
    try:
        return json_document.parse(text).value, None
    except JsonTextError as error:
        return None, error


@pytest.mark.parametrize(
    ("problem", "place", "text"),
    [
        pytest.param(
            "a comma before `}`", (1, 8), '{"a": 1, }', id="the place of a trailing comma is the comma"
        ),
        pytest.param("a comma before `]`", (1, 8), '{"a":[1,]}', id="in lists too"),
        pytest.param(
            "a missing comma between two values",
            (1, 7),
            '{"a":1 "b":2}',
            id="the place of a missing comma is the end of the value",
        ),
        pytest.param("a comment; JSON has no comments", (2, 1), "{\n# c\n}", id="a shell comment"),
        pytest.param("a comment; JSON has no comments", (2, 1), "{\n// c\n}", id="a C comment"),
        pytest.param("a single quote", (1, 2), "{'a': 1}", id="single quotes"),
        pytest.param(
            "a typographic quote \u201c (U+201C)",
            (1, 2),
            "{\u201ca\u201d: 1}",
            id="quotes of a word processor",
        ),
        pytest.param("this is YAML, not JSON", (1, 1), "type: macvlan\n", id="YAML in a block scalar"),
        pytest.param("`True` is not a JSON value", (1, 6), '{"a":True}', id="Python's constants"),
        pytest.param("`NaN` is not a JSON number", (1, 6), '{"a":NaN}', id="NaN"),
        pytest.param("a number that is not valid in JSON", (1, 6), '{"a":0100}', id="a leading zero"),
        pytest.param("a line break inside a string", (1, 9), '{"a":"et\n1"}', id="a string over two lines"),
        pytest.param("a string that is never closed", (1, 6), '{"a":"eth1}', id="a missing quote"),
        pytest.param(
            "a backslash sequence that is not valid in JSON", (1, 7), r'{"a":"\d"}', id="a stray backslash"
        ),
        pytest.param("the text ends too early", (1, 7), '{"a":1', id="a missing brace"),
        pytest.param("text after the end of the configuration", (1, 3), "{}}", id="a surplus brace"),
        pytest.param("the text is empty", (1, 2), " ", id="only white space"),
        pytest.param(
            "a typographic quote \u201d (U+201D) instead of a closing double quote",
            (1, 11),
            '{"a":"eth1\u201d, "b":1}',
            id="a string between quotes of two kinds",
        ),
        pytest.param(
            "a typographic quote \u201d (U+201D) instead of a closing double quote",
            (1, 11),
            '{"a":"eth1\u201d,\n"b":1}',
            id="the same at the end of a line",
        ),
        pytest.param(
            "a typographic quote \u2019 (U+2019) instead of a closing double quote",
            (1, 11),
            '{"a":"eth1\u2019}',
            id="the same at the end of the text",
        ),
        pytest.param(
            "a string that is never closed",
            (1, 6),
            '{"a":"\u201ceth1\u201d x}',
            id="typographic quotes inside a string do not end it",
        ),
        pytest.param(
            "no closing quote after 'eth1'", (1, 11), '{"a":"eth1, "b":{}}', id="a missing quote of a value"
        ),
        pytest.param(
            "no closing quote after 'e'", (1, 9), '{"a":["e], "b":1}', id="a missing quote in a list"
        ),
        pytest.param(
            "no closing quote after '1::2'", (1, 11), '{"a":"1::2, "9":1}', id="a missing quote of an address"
        ),
        pytest.param(
            "no closing quote after 'mtu'", (1, 6), '{"mtu: 15, "b":1}', id="a missing quote of a key"
        ),
        pytest.param(
            "no closing quote after 'a'", (1, 4), '{"a: "b"}', id="a missing quote of a key before a string"
        ),
        pytest.param(
            "a quote that is directly followed by a word",
            (1, 10),
            '{"a":"of "b" "}',
            id="quotes inside a string",
        ),
        *(
            pytest.param(f"an invisible character: {name}", (1, 6), f'{{"a":{char}1}}', id=name)
            for name, char in (
                ("no-break space (U+00A0)", "\u00a0"),
                ("narrow no-break space (U+202F)", "\u202f"),
                ("zero width space (U+200B)", "\u200b"),
                ("zero width no-break space (U+FEFF)", "\ufeff"),
                ("control character (U+000B)", "\v"),
            )
        ),
        pytest.param(
            "an invisible character: no-break space (U+00A0)",
            (1, 3),
            "{}\u00a0",
            id="after the end",
        ),
        *(
            pytest.param(f"`{found}` is a template expression that was not rendered", (1, 6), text, id=text)
            for found, text in (
                ("{{ .Values.mtu }}", '{"a":{{ .Values.mtu }}, "b":1}'),
                ('{{- .x | default "1" -}}', '{"a":{{- .x | default "1" -}}}'),
                ("{% if x %}", '{"a":{% if x %}1{% endif %}}'),
                ("${VLAN_ID}", '{"a":${VLAN_ID}}'),
                ("$VLAN", '{"a":$VLAN}'),
                ("<VLAN-ID>", '{"a":<VLAN-ID>}'),
                ("{{ end }}", '{"a":{{ end }}'),
            )
        ),
        pytest.param(
            "`{{ if .x }}` is a template expression that was not rendered",
            (1, 8),
            '{"a":1 {{ if .x }}, "b":1 {{ end }}}',
            id="a template between values",
        ),
        pytest.param(
            "`{{ .x }}` is a template expression that was not rendered",
            (1, 1),
            "{{ .x }}",
            id="a template alone",
        ),
        pytest.param(
            "`{` instead of a key in double quotes",
            (1, 2),
            '{{"a":1}}',
            id="two braces are not a template",
        ),
        pytest.param(
            "`$` instead of a key in double quotes",
            (1, 2),
            "{$id: 1}",
            id="a key with a dollar is not a template",
        ),
        pytest.param("a Markdown fence: ```json", (1, 1), "```json\n{}\n```", id="a Markdown fence"),
        pytest.param("a Markdown fence: ```", (2, 1), "{}\n```", id="only the closing fence"),
        pytest.param(
            "this is a complete Kubernetes object in YAML, not a CNI configuration in JSON",
            (1, 1),
            "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\n",
            id="a manifest in a block scalar",
        ),
    ],
)
def test_each_mistake_is_reported_at_its_place(problem: str, place: tuple[int, int], text: str) -> None:
    """Line and column count from 1."""
    with pytest.raises(JsonTextError) as caught:
        json_document.parse(text)

    assert (problem, place) == (caught.value.problem, json_document.position(text, caught.value.offset))


@pytest.mark.parametrize(
    ("fix", "text"),
    [
        pytest.param(
            "write `]` before it: it closes the `[` of line 2, column 1 of the configuration",
            '{"a":\n[1}',
            id="a missing bracket",
        ),
        pytest.param("write a value", '{"a":}', id="no value"),
        pytest.param("write a value, or remove the comma", '{"a":[1,,2]}', id="a surplus comma"),
        pytest.param(
            "close the `{` of line 1, column 1 of the configuration", '{"a":1', id="a truncated text"
        ),
        pytest.param('write an ASCII double quote: "', '{"a":"b\u201d, "c":1}', id="a typographic quote"),
        pytest.param('write "eth1"', '{"a":"eth1, "b":1}', id="a missing quote"),
        pytest.param("write an ordinary space", '{"a":\u00a01}', id="a no-break space"),
        pytest.param(
            "render the template (helm template, envsubst) and apply the result, or write the value",
            '{"a":${B}}',
            id="a template",
        ),
        pytest.param(
            "remove this line and the one that closes the block", "```\n{}\n```", id="a Markdown fence"
        ),
    ],
)
def test_each_mistake_has_a_fix(fix: str, text: str) -> None:
    with pytest.raises(JsonTextError) as caught:
        json_document.parse(text)

    assert fix == caught.value.fix


def test_the_depth_is_limited() -> None:
    """A hundred thousand brackets are an error, not a stack overflow."""
    with pytest.raises(JsonTextError, match="nested"):
        json_document.parse("[" * 100_000)


def test_the_last_of_equal_keys_is_used() -> None:
    """As in Go; all of them are kept as members."""
    root = json_document.parse('{"a":1,"a":2}')
    last = json_document.locate(root, ("a",))

    assert {"a": 2} == root.value
    assert 2 == len(root.members)
    assert last is not None
    assert 2 == last.value


@pytest.mark.parametrize("path", [("b",), ("a", 1), ("a", 0, "x"), (0,)])
def test_a_path_without_a_node_is_none(path: tuple[str | int, ...]) -> None:
    assert json_document.locate(json_document.parse('{"a":[1]}'), path) is None


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        pytest.param(
            '{"a":1500}', '{"a":1500.0}', id="a whole number in the form of a float becomes an integer"
        ),
        pytest.param('{"a":1500}', '{"a":15e2}', id="in scientific notation too"),
        pytest.param('{"a": 1.5 }', '{"a": 1.5 }', id="others keep their bytes"),
        pytest.param('[-3,"1.0"]', '[-3.0,"1.0"]', id="strings keep their bytes"),
    ],
)
def test_whole_numbers_are_written_as_integers(expected: str, text: str) -> None:
    """Go refuses to decode the other form into an integer."""
    assert expected == json_document.integral_numbers(text)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("MASTER", "master"),
        ("ma\u017fter", "master"),
        ("lin\u212as", "links"),
        ("ma\ufb06er", "ma\ufb06er"),
        ("ß", "ß"),
    ],
)
def test_keys_are_folded_character_by_character_as_in_go(key: str, expected: str) -> None:
    """`encoding/json/fold.go: foldName`: no ligature is equal to its letters."""
    assert expected == json_document.folded(key)
