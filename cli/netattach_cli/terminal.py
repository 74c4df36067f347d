"""Text and colours for terminals."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

RED, YELLOW, BOLD, BLUE = "31;1", "33;1", "1", "34;1"


@dataclass(frozen=True, slots=True)
class Paint:
    """Adds colours to text, or leaves it as it is."""

    on: bool

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.on else text


def wants_colours(stream: TextIO) -> bool:
    """https://no-color.org: a NO_COLOR that is not empty turns colours off."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """The text with escapes for control characters, so that foreign text cannot move the cursor or change colours."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
