"""Mistakes in YAML: named in our words, at the place where they are, and not where the parser noticed them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_cli import documents
from netattach_cli.files import UnreadableError

NAD = """\
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata:
  name: net
spec:
  config: '{"cniVersion": "1.0.0", "type": "bridge"}'
"""

MISTAKES: list[tuple[str, int, int, str]] = [
    (NAD.replace("  name:", "\tname:"), 4, 1, "a tab in the indentation"),
    (NAD.replace("  config:", "  \tconfig:"), 6, 3, "a tab in the indentation"),
    (NAD.replace("  name: net", "  name:\u00a0net\n  namespace: lab"), 4, 8, "no-break space (U+00A0)"),
    (NAD.replace("  name: net", "  name: net\n \u00a0namespace: lab"), 5, 2, "no-break space (U+00A0)"),
    (NAD.replace("kind:", "\u200bkind:").replace("kind: ", "kind:"), 2, 1, "zero width space (U+200B)"),
    (NAD.replace("\"}'\n", '"}\n') + "---\nkind: Pod\n", 6, 11, "a quote ' that is never closed"),
    (NAD.replace("\"}'\n", '"}\n'), 6, 11, "a quote ' that is never closed"),
    (NAD.replace("name: net", 'name: "net'), 4, 9, 'a quote " that is not closed before line 6'),
    (NAD.replace("name: net", "name: a: b"), 4, 10, "a colon where no key can be"),
    (NAD.replace("kind: Net", "kind Net"), 2, 1, "a line without a colon"),
    (NAD.replace("name: net", "name: @net"), 4, 9, "a value cannot start with '@'"),
    (NAD.replace("  config:", " config: x\n  config:"), 7, 9, "a colon where no key can be"),
    (
        NAD.replace("metadata:\n", "metadata:\n    labels: {}\n"),
        5,
        3,
        "does not belong to the lines above it",
    ),
    (NAD + "  more: {a: [1, 2}\n", 7, 13, "what follows the bracket [ is not a list"),
    (NAD + "  more: \x01\n", 7, 9, "a character that YAML does not allow: U+0001"),
    (NAD.replace("name: net", "name: !!bool net"), 4, 9, "the form of a boolean, which it is not"),
    (NAD.replace("name: net", 'name: !!int ""'), 4, 9, "the form of an integer, which it is not"),
    (
        NAD.replace("name: net", "name: 0b_"),
        4,
        9,
        "an integer, which it is not; put it in quotes, without a tag",
    ),
    (NAD.replace("name: net", "name: 0x" + "f" * 5000), 4, 9, "of an integer"),
    (NAD.replace("name: net", "name: 1" + ":1" * 400 + ".5"), 4, 9, "of a number"),
    (NAD.replace("'{", '"{ \\d').replace("}'", '}"'), 6, 14, "a backslash sequence"),
]


@pytest.mark.parametrize(("text", "line", "column", "problem"), MISTAKES, ids=[m[3] for m in MISTAKES])
def test_a_mistake_is_named_at_its_place(text: str, line: int, column: int, problem: str) -> None:
    with pytest.raises(UnreadableError) as error:
        list(documents.parse("a.yaml", text))

    assert problem in error.value.problem
    assert (line, column) == (error.value.line, error.value.column)
    assert error.value.problem.startswith("not YAML: ")


TYPES = ["bool", "int", "float", "str", "binary", "set", "omap", "pairs", "null", "timestamp", "merge", "x"]
TAGS = st.sampled_from(["", *(f"!!{each} " for each in TYPES)])
SCALARS = st.text(max_size=8) | st.text("0123456789_:.+-xXbBeEnaif<=~", max_size=12)


@given(TAGS, st.sampled_from(["{}", "'{}'", '"{}"', "[{}]", "{{{}: {}}}"]), SCALARS)
def test_any_tag_of_any_value_is_read_or_refused(tag: str, form: str, scalar: str) -> None:
    """One line of one file must not end the run over all others."""
    text = f"a: {tag}{form.format(scalar, scalar)}\n"
    values = []
    with contextlib.suppress(UnreadableError):
        values = [each.value for each in documents.parse("a.yaml", text)]

    assert json.dumps(values)


def test_valid_documents_before_the_mistake_are_read() -> None:
    read = documents.parse("a.yaml", f"{NAD}---\n{NAD}---\n\tx: 1\n")

    assert ["net", "net"] == [next(read).value["metadata"]["name"] for _ in range(2)]
    with pytest.raises(UnreadableError, match="a tab in the indentation"):
        next(read)


@pytest.mark.parametrize("text", ["{" * 500, "[" * 500, "a: &x [*x]", "\ud800: 1", "? a\n: b: c", ": :\n"])
def test_any_other_text_is_read_or_unreadable(text: str) -> None:
    with contextlib.suppress(UnreadableError):
        assert all(each.value is not None for each in documents.parse("a.yaml", text))
