"""The line of a text where something is wrong, with a caret under the place."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from netattach_core.text import json_document

WIDTH = 100
"""Of what is shown; many configurations are one long line."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """`line` counts from 1; `caret` is the number of columns before the place, as a terminal counts them."""

    line: int
    shown: str
    caret: int

    def __str__(self) -> str:
        margin = " " * len(str(self.line))
        return f"{self.line} | {self.shown}\n{margin} | {' ' * self.caret}^"


def excerpt(text: str, offset: int, width: int = WIDTH) -> Excerpt:
    """The line of the offset; of a longer one the surroundings of the place."""
    line, column = json_document.position(text, offset)
    start = offset - column + 1
    end = text.find("\n", offset)
    whole = text[start : end if end >= 0 else len(text)].rstrip("\r")
    first = max(0, min(column - 1 - width // 2, len(whole) - width))
    before, after = "…" if first else "", "…" if len(whole) > first + width else ""
    shown = [_one_column(char) for char in whole[first : first + width]]
    gap = sum(map(_columns, shown[: column - 1 - first]))
    return Excerpt(line, f"{before}{''.join(shown)}{after}", len(before) + gap)


def _one_column(char: str) -> str:
    """A tab is one column, as it is in the place's number; so is what cannot be seen."""
    return char if char.isprintable() else " "


def _columns(char: str) -> int:
    """How many a terminal takes for it."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
