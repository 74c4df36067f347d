"""Where in its file a scalar of YAML or JSON is, character by character.

YAML folds lines, doubles quotes and strips indentation. This only affects whitespace and escapes: all other characters are in the
file in the same order as in the value, so walking through both at once maps the offsets of one to those of the other.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from netattach_core.text import json_document

_BLANK_ESCAPES = "ntr \nNLP"
_NO_BREAK_SPACE = "\u00a0"
_BLANKS = " \t\r\n\x85\u2028\u2029"
"""What YAML folds and strips; others that look like a space, such as the no-break space, are in the value as written."""

_RUNS = re.compile(f"[{_BLANKS}]+|[^{_BLANKS}]+")
_ESCAPES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "'": (("'", "''"),),
    '"': (("\\", "\\\\"), ('"', '\\"')),
}
"""By style: the usual escapes of characters other than blanks."""


@dataclass(frozen=True, slots=True)
class Span:
    """A value in the file: `text[start:end]`. `style` is YAML's: one of | > ' " or "" for a plain scalar."""

    start: int
    end: int
    style: str = ""


def span(node: yaml.Node | json_document.Node | None, path: tuple[str | int, ...]) -> Span | None:
    """The value at a path of a document; None where there is none."""
    if isinstance(node, json_document.Node):
        found = json_document.locate(node, path)
        return Span(found.start, found.end, '"' if isinstance(found.value, str) else "") if found else None
    place = node_at(node, path)
    if place is None:
        return None
    style = (place.style or "") if isinstance(place, yaml.ScalarNode) else ""
    return Span(place.start_mark.index, place.end_mark.index, style)


def node_at(node: yaml.Node | None, path: tuple[str | int, ...]) -> yaml.Node | None:
    """The node at a path of a document in YAML; None where there is none."""
    for part in path:
        node = _child(node, part)
    return node


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part] if part < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in reversed(node.value) if key.value == part), None)
    return None


@functools.lru_cache(4)
def align(text: str, span: Span, value: str) -> tuple[int, ...] | None:
    """The offset in the file of each character of the value, and of its end; None where the two do not match.

    Cached, since a long value may have a thousand findings.
    """
    at, end = _content(text, span)
    offsets: list[int] = []
    for run in _RUNS.finditer(value):
        characters = run.group()
        if characters[0] in _BLANKS:
            offsets += [at] * len(characters)
            continue
        found = _word(text, at, end, span.style, characters)
        if found is None:
            return None
        offsets += found[:-1]
        at = found[-1]
    return (*offsets, at)


def _content(text: str, span: Span) -> tuple[int, int]:
    """Start and end of the scalar without its quotes or block header."""
    if span.style and span.style in "|>":
        return text.find("\n", span.start) + 1, span.end
    return (span.start + 1, span.end - 1) if span.style else (span.start, span.end)


def _word(text: str, at: int, end: int, style: str, word: str) -> Sequence[int] | None:
    """The offset of each character of a word without blanks, and of its end; most words are in the file in the usual form."""
    at = _skip_blanks(text, at, end, style)
    written = word
    for plain, escaped in _ESCAPES.get(style, ()):
        written = written.replace(plain, escaped)
    if at + len(written) > end or not text.startswith(written, at):
        return _char_by_char(text, at, end, style, word)
    if len(written) == len(word):
        return range(at, at + len(word) + 1)
    doubled = dict(_ESCAPES[style])
    return tuple(itertools.accumulate((len(doubled.get(char, char)) for char in word), initial=at))


def _char_by_char(text: str, at: int, end: int, style: str, word: str) -> Sequence[int] | None:
    offsets = []
    after = at  # the last character that matched
    for char in word:
        at = _skip_blanks(text, at, end, style)
        if at >= end:
            return None
        decoded, width = _decode(text, at, style)
        if decoded != char:
            return None
        offsets.append(at)
        at += width
        after = at
    return (*offsets, after)


def _skip_blanks(text: str, at: int, end: int, style: str) -> int:
    while at < end:
        if text[at] in _BLANKS:
            at += 1
        elif style == '"' and text[at] == "\\" and text[at + 1 : at + 2] in _BLANK_ESCAPES:
            at += 2
        else:
            break
    return at


def _decode(text: str, at: int, style: str) -> tuple[str, int]:
    """The character at this offset in this style, and its length in the file."""
    if style == "'" and text.startswith("''", at):
        return "'", 2
    if style == '"' and text.startswith("\\_", at):
        return _NO_BREAK_SPACE, 2
    if style == '"' and text[at] == "\\":
        width = 6 if text[at + 1 : at + 2] == "u" else 2
        try:
            return str(json.loads(f'"{text[at : at + width]}"')), width
        except ValueError:
            return "", width
    return text[at], 1
