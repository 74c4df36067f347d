"""Tables: columns of equal width, and no text of an object that breaks them."""

from __future__ import annotations

import pytest

from netattach_cli.output.table import LONGEST, Cell, table, text
from netattach_cli.terminal import RED, Paint

PLAIN, COLOURED = Paint(on=False), Paint(on=True)


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    shown = table("NAME DEFAULT_NETWORK LAST", [("a-long-name", "b", "c"), ("a", "", "")])

    expected = """\
NAME          DEFAULT NETWORK   LAST
a-long-name   b                 c
a             <none>            <none>
"""
    assert expected == text(shown, PLAIN)


def test_wide_columns_are_shown_on_request_only() -> None:
    shown = table("A", [("1", "2")], wide="B")

    assert "A\n1\n" == text(shown, PLAIN)
    assert "A   B\n1   2\n" == text(shown, PLAIN, wide=True)


def test_without_headers_there_are_only_rows() -> None:
    assert "1   2\n" == text(table("AAAA B", [("1", "2")]), PLAIN, headers=False)


def test_colours_do_not_count_for_the_width() -> None:
    shown = text(table("A B", [(Cell("x", RED), "y"), ("xx", "y")]), COLOURED, headers=False)

    assert "\x1b[31;1mx\x1b[0m    y\nxx   y\n" == shown


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J\x1b[H",
        "a\nFAKE   ROW",
        "a\r\x1b[1Afake",
        "\x9b31m",
        "a\tb",
        "\u202eevil\u2066",
        "\u2028\u2029",
        "\x00",
        "\ud800",
        "\x1b]0;title\x07",
        "\x1b]8;;http://example.org\x1b\\click\x1b]8;;\x1b\\",
    ],
)
def test_a_hostile_text_is_one_line_without_control_characters(hostile: str) -> None:
    for cell in (hostile, Cell(hostile, is_name=True)):
        shown = text(table("A B", [(cell, "end")]), PLAIN)

        assert 2 == shown.count("\n")
        assert shown.replace("\n", "").isprintable()
        assert shown.endswith("   end\n")


def test_a_very_long_text_is_cut() -> None:
    shown = text(table("A", [("x" * 262_144,)]), PLAIN, headers=False)

    assert f"{'x' * (LONGEST - 1)}…\n" == shown


def test_the_longest_name_of_an_object_is_not_cut() -> None:
    name = f"{'n' * 63}/{'o' * 253}"

    assert f"{name}\n" == text(table("A", [(Cell(name, is_name=True),)]), PLAIN, headers=False)


def test_wide_characters_take_two_columns() -> None:
    shown = text(table("A B", [("日本", "x"), ("abcd", "x"), ("e\u0301", "x")]), PLAIN, headers=False)

    assert "日本   x\nabcd   x\ne\u0301      x\n" == shown
