"""Text and colours for terminals."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TextIO

RED, YELLOW, BOLD, BLUE, GREEN = "31;1", "33;1", "1", "34;1", "32"

WHEN = ("auto", "always", "never")
"""When to use colours: the values of --color."""

_COMMAND = re.compile(r"##(vso\[|\[)")
_LINE_COMMAND = re.compile(r"^(\s*):(?=:[a-z-]{4,}(?: .*)?::)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Paint:
    """Adds colours to text, or leaves it as it is."""

    on: bool

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.on else text


def wants_colours(stream: TextIO, when: str = "auto") -> bool:
    """`when` is one of WHEN. NO_COLOR turns colours off, FORCE_COLOR on, where it is not empty; NO_COLOR wins.

    https://no-color.org, https://force-color.org
    """
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """The text with escapes, so that foreign text cannot move the cursor, change colours, or be a command to a CI system.

    GitHub's runner and Azure Pipelines look for `##[` and `##vso[` anywhere in a line; the former also for `::word::`, and
    `::word` with options, after blanks at its beginning. A command's word is longer than a group of an IPv6 address.
    """
    text = _COMMAND.sub(r"#\\x23\1", text) if "##" in text else text
    text = _LINE_COMMAND.sub(r"\1\\x3a", text) if "::" in text else text
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
