"""What the demo prints: commands as somebody would type them, their output as it comes, colour on a terminal only."""

from __future__ import annotations

import sys
import textwrap
from typing import TextIO

_BOLD, _GREEN, _RED, _CYAN, _PLAIN = "\033[1m", "\033[32m", "\033[31m", "\033[36m", "\033[0m"


class Screen:
    """One stream; `colour` says whether it is a terminal that wants it."""

    def __init__(self, *, colour: bool, stream: TextIO = sys.stdout) -> None:
        self._colour = colour
        self._stream = stream

    def step(self, title: str) -> None:
        """A heading of the story."""
        self._line(f"\n{self._in(_BOLD, f'== {title}')}")

    def say(self, words: str) -> None:
        """A sentence of the story."""
        self._line(textwrap.fill(words, 100))

    def typed(self, command: str, output: str, where: str = "node1") -> None:
        """A command, where it was run, and what it printed."""
        self._line(self._in(_CYAN, f"{where}$ {command}"))
        self.output(output)

    def output(self, text: str) -> None:
        """Text as it came."""
        self._line("\n".join(line.rstrip() for line in text.rstrip().splitlines()))

    def good(self, words: str) -> None:
        self._line(self._in(_GREEN, f"ok: {words}"))

    def bad(self, words: str) -> None:
        self._line(self._in(_RED, f"failed: {words}"))

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour else text

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
