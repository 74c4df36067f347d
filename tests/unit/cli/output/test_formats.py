"""The formats of -o."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass

import pytest
import yaml

from netattach_cli.output import formats
from netattach_cli.output.plain import plain
from netattach_cli.output.table import table
from netattach_cli.output.view import Section, View
from netattach_cli.terminal import Paint

PLAIN = Paint(on=False)


class Colour(enum.StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    a_number: int
    colour: Colour


@dataclass(frozen=True)
class Outer:
    of_all: tuple[Inner, ...]
    nothing: None = None
    text: str = "\x1b[2J"


DATA = Outer((Inner(1, Colour.RED),))
PLAIN_DATA = {"ofAll": [{"aNumber": 1, "colour": "red"}], "nothing": None, "text": "\x1b[2J"}
VIEW = View(
    [
        Section(table("A", [("1",)], wide="B"), "One"),
        Section(table("C", [])),
        Section(table("C", []), empty="no C"),
    ],
    DATA,
    ["pod/a", "pod/b", "pod/a", "pod/\x1b[2J"],
)


def test_dataclasses_become_objects_with_all_their_fields() -> None:
    assert PLAIN_DATA == plain(DATA)


def test_a_table_has_headings_and_says_what_is_empty() -> None:
    view = View([Section(table("A", [("1",)]), "One"), *VIEW.sections[1:]], DATA)

    assert "One\nA\n1\n\nno C\n" == formats.text(view, "table", PLAIN)


@pytest.mark.parametrize("format_", ["json", "yaml"])
def test_json_and_yaml_are_the_same_data_and_nothing_but_ascii(format_: str) -> None:
    shown = formats.text(VIEW, format_, Paint(on=True))

    assert shown.isascii()
    assert "\x1b" not in shown
    assert PLAIN_DATA == (json.loads(shown) if format_ == "json" else yaml.safe_load(shown))


def test_names_are_shown_once_each() -> None:
    assert "pod/a\npod/b\npod/\\x1b[2J\n" == formats.text(VIEW, "name", PLAIN)
