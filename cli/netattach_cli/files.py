"""Reading a file, or standard input."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

STDIN = "-"


class UnreadableError(Exception):
    """A file, or a document in it, that cannot be read. Line and column count from 1; they are 0 where they are not known."""

    def __init__(self, file: str, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.file, self.problem, self.line, self.column = file, problem, line, column


@dataclass(frozen=True, slots=True)
class File:
    """A file to read. `named` is false for a file that was found in a folder: it may contain anything."""

    path: str
    named: bool = True

    @property
    def name(self) -> str:
        return "<stdin>" if self.path == STDIN else self.path


def read(file: File) -> str:
    """The text of a file, with its line endings unchanged. Raises UnreadableError."""
    try:
        data = sys.stdin.buffer.read() if file.path == STDIN else Path(file.path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableError(file.name, reason(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableError(file.name, "not a text in UTF-8") from error


def reason(error: OSError) -> str:
    """The system's message without the error number and the file's name."""
    return (error.strerror or str(error)).lower()
