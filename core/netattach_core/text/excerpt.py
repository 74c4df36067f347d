"""The line of a text around an offset, with a caret below the character at the offset."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from netattach_core.text import json_document

WIDTH = 100
"""Characters of a line that are shown at most; many configurations are a single long line."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`line` counts from 1; `caret` is the number of terminal columns before the caret."""

    line: int
    shown: str
    caret: int

    def __str__(self) -> str:
        margin = " " * len(str(self.line))
        return f"{self.line} | {self.shown}\n{margin} | {' ' * self.caret}^"


def excerpt(text: str, offset: int, width: int = WIDTH) -> Excerpt:
    """The line that contains the offset; of a line longer than `width`, the part around it."""
    line, column = json_document.position(text, offset)
    start = offset - column + 1
    end = text.find("\n", offset)
    full = text[start : end if end >= 0 else len(text)].rstrip("\r")
    first = max(0, min(column - 1 - width // 2, len(full) - width))
    before, after = "…" if first else "", "…" if len(full) > first + width else ""
    shown = [_one_column(char) for char in full[first : first + width]]
    gap = sum(map(_columns, shown[: column - 1 - first]))
    return Excerpt(line, f"{before}{''.join(shown)}{after}", len(before) + gap)


def _one_column(char: str) -> str:
    """A blank for a tab or an invisible character, so that each takes one column, as in the column's number."""
    return char if char.isprintable() else " "


def _columns(char: str) -> int:
    """The number of columns that a terminal uses for the character."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
