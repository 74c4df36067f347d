"""What the demo prints: commands with their output, and the steps around them; colours on a terminal only."""

from __future__ import annotations

import sys
import textwrap
from typing import TextIO

_BOLD, _GREEN, _RED, _CYAN, _PLAIN = "\033[1m", "\033[32m", "\033[31m", "\033[36m", "\033[0m"


class Screen:
    """Prints to one stream, with or without colours."""

    def __init__(self, *, colour: bool, stream: TextIO = sys.stdout) -> None:
        self._colour = colour
        self._stream = stream

    def step(self, title: str) -> None:
        """Prints the heading of a step."""
        self._line(f"\n{self._painted(_BOLD, f'== {title}')}")

    def explain(self, text: str) -> None:
        self._line(textwrap.fill(text, 100))

    def command(self, command: str, output: str, where: str = "node1") -> None:
        """Prints a command, where it ran, and its output."""
        self._line(self._painted(_CYAN, f"{where}$ {command}"))
        self.output(output)

    def output(self, text: str) -> None:
        """Prints the output of a program unchanged, but for spaces at the ends of lines."""
        self._line("\n".join(line.rstrip() for line in text.rstrip().splitlines()))

    def good(self, text: str) -> None:
        self._line(self._painted(_GREEN, f"ok: {text}"))

    def bad(self, text: str) -> None:
        self._line(self._painted(_RED, f"failed: {text}"))

    def _painted(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour else text

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
