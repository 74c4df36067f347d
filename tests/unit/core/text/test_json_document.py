"""JSON as text: what is read, where it stands, and what is said of each slip."""

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
def test_reads_what_pythons_json_reads(value: object, indent: int | None, *, ascii_only: bool) -> None:
    """On everything that json.dumps can write."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    assert json.loads(text) == json_document.parse(text).value


@given(JSON)
def test_a_node_spans_its_own_text(value: object) -> None:
    """So that an excerpt of the text is the value again, at every depth."""
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
def test_what_is_read_in_one_step_is_read_as_by_many(text: str) -> None:
    """The same value, places and errors."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_document, "_PLAIN_MEMBER", re.compile(r"(?!)"))
        by_many = _told(text)

    assert by_many == _told(text)


def _told(text: str) -> json_document.Node | tuple[int, str, str]:
    try:
        return json_document.parse(text)
    except JsonTextError as error:
        return error.offset, error.problem, error.fix


@pytest.mark.parametrize(
    "text", ["9" * 300, "9" * 301, "-" + "9" * 300, "0." + "1" * 298, "0." + "1" * 299, "1e999"]
)
def test_a_value_takes_the_numbers_that_a_text_may_have(text: str) -> None:
    error = _outcome(text)[1]

    if error is None:
        assert json.loads(text) == json_document.value(text)
    else:
        with pytest.raises(JsonTextError, match=re.escape(error.problem)):
            json_document.value(text)


@pytest.mark.parametrize("levels", [json_document.MAX_DEPTH, json_document.MAX_DEPTH + 1])
def test_a_value_that_is_to_be_shallow_is_as_deep_as_a_text_may_be(levels: int) -> None:
    text = "[" * levels + "]" * levels
    error = _outcome(text)[1]

    if error is None:
        assert json.loads(text) == json_document.shallow_value(text)
    else:
        with pytest.raises(JsonTextError, match=error.problem):
            json_document.shallow_value(text)


@given(st.text() | st.text(alphabet='{}[]":,0123456789eE+-.truefalsnN \n\\/#'))
def test_garbage_is_an_error_of_ours_or_json(text: str) -> None:
    """Nothing but JsonTextError, with a place inside the text; and never more than Python's reader takes."""
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
            "a comma before `}`", (1, 8), '{"a": 1, }', id="a trailing comma is shown where it stands"
        ),
        pytest.param("a comma before `]`", (1, 8), '{"a":[1,]}', id="in lists too"),
        pytest.param(
            "no comma between two values",
            (1, 7),
            '{"a":1 "b":2}',
            id="a missing comma is shown behind the value",
        ),
        pytest.param("a comment; JSON has none", (2, 1), "{\n# c\n}", id="a shell comment"),
        pytest.param("a comment; JSON has none", (2, 1), "{\n// c\n}", id="a C comment"),
        pytest.param("a single quote", (1, 2), "{'a': 1}", id="single quotes"),
        pytest.param(
            "a typographic quote \u201c (U+201C)",
            (1, 2),
            "{\u201ca\u201d: 1}",
            id="quotes of a word processor",
        ),
        pytest.param("this is YAML, not JSON", (1, 1), "type: macvlan\n", id="YAML in a block scalar"),
        pytest.param("`True`, which is no JSON", (1, 6), '{"a":True}', id="Python's constants"),
        pytest.param("`NaN`, which is no JSON number", (1, 6), '{"a":NaN}', id="NaN"),
        pytest.param("a number that JSON does not know", (1, 6), '{"a":0100}', id="a leading zero"),
        pytest.param("a line break inside a string", (1, 9), '{"a":"et\n1"}', id="a string over two lines"),
        pytest.param("a string that is never closed", (1, 6), '{"a":"eth1}', id="a lost quote"),
        pytest.param("a backslash that JSON does not know", (1, 7), r'{"a":"\d"}', id="a stray backslash"),
        pytest.param("the text ends too early", (1, 7), '{"a":1', id="a lost brace"),
        pytest.param("text after the end of the configuration", (1, 3), "{}}", id="a brace too many"),
        pytest.param("the text is empty", (1, 2), " ", id="blanks alone"),
        pytest.param(
            "a typographic quote \u201d (U+201D) where a text should be closed",
            (1, 11),
            '{"a":"eth1\u201d, "b":1}',
            id="a text between quotes of two kinds",
        ),
        pytest.param(
            "a typographic quote \u201d (U+201D) where a text should be closed",
            (1, 11),
            '{"a":"eth1\u201d,\n"b":1}',
            id="the same at the end of a line",
        ),
        pytest.param(
            "a typographic quote \u2019 (U+2019) where a text should be closed",
            (1, 11),
            '{"a":"eth1\u2019}',
            id="the same at the end of all",
        ),
        pytest.param(
            "a string that is never closed",
            (1, 6),
            '{"a":"\u201ceth1\u201d x}',
            id="typographic quotes inside of a text are none of its ends",
        ),
        pytest.param("no quote behind 'eth1'", (1, 11), '{"a":"eth1, "b":{}}', id="a lost quote of a value"),
        pytest.param("no quote behind 'e'", (1, 9), '{"a":["e], "b":1}', id="a lost quote in a list"),
        pytest.param(
            "no quote behind '1::2'", (1, 11), '{"a":"1::2, "9":1}', id="a lost quote of an address"
        ),
        pytest.param("no quote behind 'mtu'", (1, 6), '{"mtu: 15, "b":1}', id="a lost quote of a key"),
        pytest.param("no quote behind 'a'", (1, 4), '{"a: "b"}', id="a lost quote of a key before a text"),
        pytest.param(
            "a quote with a word directly behind it", (1, 10), '{"a":"of "b" "}', id="quotes inside of a text"
        ),
        *(
            pytest.param(f"a character that cannot be seen: {name}", (1, 6), f'{{"a":{char}1}}', id=name)
            for name, char in (
                ("no-break space (U+00A0)", "\u00a0"),
                ("narrow no-break space (U+202F)", "\u202f"),
                ("zero width space (U+200B)", "\u200b"),
                ("zero width no-break space (U+FEFF)", "\ufeff"),
                ("control character (U+000B)", "\v"),
            )
        ),
        pytest.param(
            "a character that cannot be seen: no-break space (U+00A0)",
            (1, 3),
            "{}\u00a0",
            id="behind the end",
        ),
        *(
            pytest.param(f"`{found}` is a template that nobody has filled in", (1, 6), text, id=text)
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
            "`{{ if .x }}` is a template that nobody has filled in",
            (1, 8),
            '{"a":1 {{ if .x }}, "b":1 {{ end }}}',
            id="a template between values",
        ),
        pytest.param(
            "`{{ .x }}` is a template that nobody has filled in", (1, 1), "{{ .x }}", id="a template alone"
        ),
        pytest.param(
            "`{` where a key in double quotes should stand",
            (1, 2),
            '{{"a":1}}',
            id="two braces are no template",
        ),
        pytest.param(
            "`$` where a key in double quotes should stand",
            (1, 2),
            "{$id: 1}",
            id="a key with a dollar is none",
        ),
        pytest.param("a Markdown fence: ```json", (1, 1), "```json\n{}\n```", id="a fence of Markdown"),
        pytest.param("a Markdown fence: ```", (2, 1), "{}\n```", id="the end of one alone"),
        pytest.param(
            "this is a whole object in YAML, not the JSON of a network's configuration",
            (1, 1),
            "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentDefinition\n",
            id="a manifest in a block scalar",
        ),
    ],
)
def test_each_slip_is_named_at_its_place(problem: str, place: tuple[int, int], text: str) -> None:
    """Line and column, both from 1."""
    with pytest.raises(JsonTextError) as caught:
        json_document.parse(text)

    assert (problem, place) == (caught.value.problem, json_document.position(text, caught.value.offset))


@pytest.mark.parametrize(
    ("fix", "text"),
    [
        pytest.param(
            "write `]` before it: it closes the `[` of line 2, column 1 of the configuration",
            '{"a":\n[1}',
            id="a bracket that was forgotten",
        ),
        pytest.param("write a value", '{"a":}', id="no value"),
        pytest.param("write a value, or remove the comma", '{"a":[1,,2]}', id="a comma too many"),
        pytest.param(
            "close the `{` of line 1, column 1 of the configuration", '{"a":1', id="the end, too early"
        ),
        pytest.param('write a plain double quote: "', '{"a":"b\u201d, "c":1}', id="a quote of another kind"),
        pytest.param('write "eth1"', '{"a":"eth1, "b":1}', id="a quote that was forgotten"),
        pytest.param("write a plain blank", '{"a":\u00a01}', id="a blank of another kind"),
        pytest.param(
            "apply what helm template, envsubst or whatever it is written for makes of it; or write the value",
            '{"a":${B}}',
            id="a template",
        ),
        pytest.param(
            "remove this line, and the one that closes the block", "```\n{}\n```", id="a fence of Markdown"
        ),
    ],
)
def test_a_slip_is_fixed_by_what_it_says(fix: str, text: str) -> None:
    with pytest.raises(JsonTextError) as caught:
        json_document.parse(text)

    assert fix == caught.value.fix


def test_nesting_has_a_limit() -> None:
    """A hundred thousand brackets are an error, not the end of the stack."""
    with pytest.raises(JsonTextError, match="inside each other"):
        json_document.parse("[" * 100_000)


def test_of_equal_keys_the_last_one_counts() -> None:
    """As in Go; both are kept as members."""
    root = json_document.parse('{"a":1,"a":2}')
    last = json_document.locate(root, ("a",))

    assert {"a": 2} == root.value
    assert 2 == len(root.members)
    assert last is not None
    assert 2 == last.value


@pytest.mark.parametrize("path", [("b",), ("a", 1), ("a", 0, "x"), (0,)])
def test_a_path_that_leads_nowhere_is_none(path: tuple[str | int, ...]) -> None:
    """Whatever stands on the way."""
    assert json_document.locate(json_document.parse('{"a":[1]}'), path) is None


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        pytest.param('{"a":1500}', '{"a":1500.0}', id="a float that is whole becomes an integer"),
        pytest.param('{"a":1500}', '{"a":15e2}', id="in scientific notation too"),
        pytest.param('{"a": 1.5 }', '{"a": 1.5 }', id="others keep their bytes"),
        pytest.param('[-3,"1.0"]', '[-3.0,"1.0"]', id="texts are not touched"),
    ],
)
def test_whole_numbers_are_written_whole(expected: str, text: str) -> None:
    """Go's integers refuse the other form."""
    assert expected == json_document.integral_numbers(text)
