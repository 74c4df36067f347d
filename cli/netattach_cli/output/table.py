"""Tables as kubectl prints them: columns of equal width, three blanks in between, no lines.

Objects of a cluster have texts of their authors. Each cell is one line without control characters, of a limited length, so that
no text can move the cursor, change colours, look like another row, or push the others out of sight.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netattach_cli.terminal import BOLD, Paint, printable

NONE = "<none>"
"""As in kubectl, so that each row has the same number of words up to the last column."""

LONGEST = 300
"""Characters of a cell. A name of an object with its namespace has 317 at most, and is never cut."""

_LONGEST_NAME = 320
_GAP = "   "


@dataclass(frozen=True, slots=True)
class Cell:
    """`is_name`: it can be copied into a command, so it is not cut where it can be a name at all."""

    text: str
    colour: str = ""
    is_name: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """`wide`: only with -o wide."""

    title: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def table(titles: str, rows: Iterable[Sequence[Cell | str]], wide: str = "") -> Table:
    """Titles as words, `_` for a blank; those in `wide` come after them and are for -o wide."""
    columns = [Column(_title(word)) for word in titles.split()]
    columns += [Column(_title(word), wide=True) for word in wide.split()]
    cells = [[each if isinstance(each, Cell) else Cell(each) for each in row] for row in rows]
    return Table(columns, cells)


def text(shown: Table, paint: Paint, *, wide: bool = False, headers: bool = True) -> str:
    """The lines of a table, each with its end."""
    kept = [index for index, column in enumerate(shown.columns) if wide or not column.wide]
    head = [Cell(shown.columns[index].title, BOLD) for index in kept]
    rows = [*([head] if headers else []), *([row[index] for index in kept] for row in shown.rows)]
    texts = [[_shown(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*texts, strict=True)] if texts else []
    return "".join(_line(row, texts[number], widths, paint) for number, row in enumerate(rows))


def _title(word: str) -> str:
    return word.replace("_", " ")


def _line(row: Sequence[Cell], texts: Sequence[str], widths: Sequence[int], paint: Paint) -> str:
    parts = []
    for index, cell in enumerate(row):
        padding = "" if index == len(row) - 1 else " " * (widths[index] - _width(texts[index]))
        parts.append((paint(texts[index], cell.colour) if cell.colour else texts[index]) + padding)
    return f"{_GAP.join(parts)}\n"


def _shown(cell: Cell) -> str:
    """A limited text is made printable, and not the other way around: it may be very long."""
    longest = _LONGEST_NAME if cell.is_name else LONGEST
    cut = cell.text if len(cell.text) <= longest else f"{cell.text[: longest - 1]}…"
    return printable(cut) or NONE


def _width(text: str) -> int:
    """The terminal's columns that it takes."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
