"""Where a scalar of YAML or JSON stands in its file, character by character.

YAML folds lines, doubles quotes and takes indentation away. All that concerns blanks and escapes only, so the characters that
are not blank stand in the file in the same order; this walks both and notes where they meet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import yaml

from netattach_core.text import json_document

_BLANK_ESCAPES = "ntr \n"


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
    for part in path:
        node = _child(node, part)
    if node is None:
        return None
    style = (node.style or "") if isinstance(node, yaml.ScalarNode) else ""
    return Span(node.start_mark.index, node.end_mark.index, style)


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part] if part < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in reversed(node.value) if key.value == part), None)
    return None


def align(text: str, where: Span, value: str) -> tuple[int, ...] | None:
    """For each character of the value, and for its end, the offset in the file; None where the two do not fit."""
    at, end = _content(text, where)
    offsets = []
    behind = at
    for char in value:
        if char.isspace():
            offsets.append(behind)
            continue
        at = _skip_blanks(text, at, end, where.style)
        if at >= end:
            return None
        read, width = _read(text, at, where.style)
        if read != char:
            return None
        offsets.append(at)
        at += width
        behind = at
    return (*offsets, behind)


def _content(text: str, where: Span) -> tuple[int, int]:
    if where.style and where.style in "|>":
        return text.find("\n", where.start) + 1, where.end
    return (where.start + 1, where.end - 1) if where.style else (where.start, where.end)


def _skip_blanks(text: str, at: int, end: int, style: str) -> int:
    while at < end:
        if text[at].isspace():
            at += 1
        elif style == '"' and text[at] == "\\" and text[at + 1 : at + 2] in _BLANK_ESCAPES:
            at += 2
        else:
            break
    return at


def _read(text: str, at: int, style: str) -> tuple[str, int]:
    """The character that stands there in this style, and how many it takes in the file."""
    if style == "'" and text.startswith("''", at):
        return "'", 2
    if style == '"' and text[at] == "\\":
        width = 6 if text[at + 1 : at + 2] == "u" else 2
        try:
            return str(json.loads(f'"{text[at : at + width]}"')), width
        except ValueError:
            return "", width
    return text[at], 1
