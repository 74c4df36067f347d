"""Common mistakes in YAML: each with its place, what is wrong and how to fix it.

Used only for a text that is not YAML, with the error of the parser. Its words are about tokens, and its place is often behind
the mistake: an unclosed quote is noticed at the end of the file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import yaml

from netattach_core.text import json_document

_INVISIBLE = re.compile(r"(?:^|:|-) *([\u00a0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff])")
_QUOTE = re.compile(r"^\s*(?:- +)?[^\s#'\"][^'\"]*?:[ \t]+([\"'])")
"""A line whose value starts with a quote."""
_NOT_PRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML does not allow (YAML 1.1, section 5.1)."""


class Mistake(NamedTuple):
    """The place of a mistake, line and column counted from 1 (0: unknown), what is wrong there, and how to fix it."""

    line: int
    column: int
    problem: str
    fix: str


class WrongTypeError(yaml.YAMLError):
    """A value that is not of the type which its tag or its form gives it; as in `!!bool foo`."""

    def __init__(self, name: str, mark: yaml.Mark) -> None:
        super().__init__(f"a value with the tag or the form of {name}, which it is not")
        self.mark = mark


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where the parser stopped: `began` is the mark of what it was reading, `at` that of the place; `said` is its message."""

    lines: list[str]
    said: str
    began: yaml.Mark
    at: yaml.Mark

    def char(self, mark: yaml.Mark) -> str:
        """The character at a mark, "" at the end."""
        return self.lines[mark.line][mark.column : mark.column + 1] if mark.line < len(self.lines) else ""

    def lines_around(self) -> Iterator[tuple[int, str]]:
        """The line of the place with its number, the one before it, and the one after it."""
        for number in (self.at.line, max(0, self.at.line - 1), self.at.line + 1):
            if number < len(self.lines):
                yield number + 1, self.lines[number].rstrip("\r")


def find(text: str, error: Exception) -> Mistake:
    """The mistake that made the parser stop with this error, in its own words where it is none of the usual ones."""
    if isinstance(error, WrongTypeError):
        return _at(error.mark, str(error), "put it in quotes, without a tag")
    at = error.problem_mark or error.context_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if isinstance(error, yaml.MarkedYAMLError) and at:
        said = f"{error.context or ''} {error.problem or ''}".lower()
        stop = _Stop(text.split("\n"), said, error.context_mark or at, at)
        usual = next(filter(None, (search(stop) for search in _SEARCHES)), None)
        return usual or _at(at, str(error.problem or error.context), "")
    forbidden = _NOT_PRINTABLE.search(text)
    if isinstance(error, yaml.reader.ReaderError) and forbidden:
        line, column = json_document.position(text, forbidden.start())
        problem = f"a character that YAML does not allow: U+{ord(forbidden.group()):04X}"
        return Mistake(line, column, problem, "remove it")
    problem = str(error).partition("\n")[0]
    return Mistake(0, 0, "a value cannot be read" if isinstance(error, LookupError) else problem, "")


def _at(mark: yaml.Mark, problem: str, fix: str) -> Mistake:
    return Mistake(mark.line + 1, mark.column + 1, problem, fix)


def _tab(stop: _Stop) -> Mistake | None:
    """A tab in the indentation."""
    for number, line in stop.lines_around():
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent:
            problem = "a tab in the indentation; YAML allows only spaces there"
            return Mistake(number, indent.index("\t") + 1, problem, "write spaces")
    return None


def _invisible(stop: _Stop) -> Mistake | None:
    """A character that looks like a space, in the indentation or after a colon or dash."""
    for number, line in stop.lines_around():
        found = _INVISIBLE.search(line)
        if found:
            char = found[1]
            name = unicodedata.name(char, "control character").lower()
            problem = (
                f"an invisible character: {name} (U+{ord(char):04X}), which YAML does not take for a space"
            )
            return Mistake(number, found.start(1) + 1, problem, "write an ordinary space, or remove it")
    return None


def _unclosed_quote(stop: _Stop) -> Mistake | None:
    """The quote that opens the scalar which runs to the end, or into the next document."""
    if "quoted scalar" not in stop.said:
        return _late_quote(stop)
    if "escape" in stop.said:
        fix = r"write \\ for a backslash, or single quotes"
        return _at(stop.at, "a backslash sequence that is not valid in double quotes", fix)
    quote = stop.char(stop.began)
    return _at(stop.began, f"a quote {quote} that is never closed", f"write the closing {quote}")


def _late_quote(stop: _Stop) -> Mistake | None:
    """A quote that was closed by the next one, which was to open another string: the parser stops in the line of that one."""
    for number in range(stop.at.line - 1, stop.began.line - 1, -1):
        found = _QUOTE.match(stop.lines[number])
        if found:
            quote, column = found[1], found.start(1)
            closing = (i for i, line in enumerate(stop.lines) if i > number and quote in line)
            open_there = stop.lines[number].count(quote, column) % 2 and next(closing, None) == stop.at.line
            problem = f"a quote {quote} that is not closed before line {stop.at.line + 1}"
            return (
                Mistake(number + 1, column + 1, problem, f"write the closing {quote}") if open_there else None
            )
    return None


def _second_colon(stop: _Stop) -> Mistake | None:
    if "mapping values are not allowed" not in stop.said:
        return None
    problem = "a colon where no key can be: a second one on the line, or a line that is indented too far"
    return _at(stop.at, problem, "put the value in quotes, or correct the indentation")


def _no_colon(stop: _Stop) -> Mistake | None:
    if "could not find expected ':'" not in stop.said:
        return None
    return _at(stop.began, "a line without a colon after its key", "write `key: value`")


def _bad_start(stop: _Stop) -> Mistake | None:
    if "cannot start any token" not in stop.said:
        return None
    problem = f"a value cannot start with {stop.char(stop.at)!r} without quotes"
    return _at(stop.at, problem, "put the value in quotes")


def _bracket(stop: _Stop) -> Mistake | None:
    """A bracket that is not closed, or whose elements have no comma between them."""
    if "flow" not in stop.said or stop.char(stop.began) not in set("[{"):
        return None
    bracket = stop.char(stop.began)
    problem = f"what follows the bracket {bracket} is not a list or object in YAML"
    return _at(
        stop.began, problem, "close it, write a comma between its elements, or put the value in quotes"
    )


def _indentation(stop: _Stop) -> Mistake | None:
    if "block" not in stop.said or "expected" not in stop.said:
        return None
    problem = "this line does not belong to the lines above it: its indentation is that of none of them"
    if stop.began.line != stop.at.line:
        problem += f"; what it should continue begins in line {stop.began.line + 1}"
    fix = "indent it like the other keys or entries, or close the quote or bracket above it"
    return _at(stop.at, problem, fix)


_SEARCHES: tuple[Callable[[_Stop], Mistake | None], ...] = (
    _tab,
    _invisible,
    _unclosed_quote,
    _second_colon,
    _no_colon,
    _bad_start,
    _bracket,
    _indentation,
)
