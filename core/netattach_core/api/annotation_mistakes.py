"""All mistakes in a network selection annotation, each with its place; `networks_annotation.parse` stops at the first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netattach_core.api import networks_annotation
from netattach_core.errors import AnnotationError
from netattach_core.text import json_document
from netattach_core.text.json_document import Node, folded

MAX_MISTAKES = 100
"""Nobody reads more."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """`element` is the index of the network selection and `field` its field; None and "" where the mistake is of neither.

    `offset` is that in the annotation.
    """

    problem: str
    offset: int | None = None
    element: int | None = None
    field: str = ""


def mistakes(text: str, namespace: str) -> list[Mistake]:
    """The mistakes in an annotation of a pod in this namespace, at most a hundred; none where `parse` accepts it."""
    try:
        networks_annotation.parse(text, namespace)
    except AnnotationError as error:
        first = error.message
    else:
        return []
    if len(text) > networks_annotation.MAX_LENGTH:
        return [Mistake(first)]
    found = []
    for each in (
        _json(text, namespace, first) if networks_annotation.is_json(text) else _list(text, namespace)
    ):
        found.append(each)
        if len(found) == MAX_MISTAKES:
            break
    return found


def element_offsets(text: str) -> list[int]:
    """Where in an annotation each network selection begins; empty for one that is not valid JSON or too long."""
    if len(text) > networks_annotation.MAX_LENGTH:
        return []
    if not networks_annotation.is_json(text):
        return [offset for offset, _ in _items(text)]
    try:
        return [item.start for item in json_document.parse(text).items]
    except json_document.JsonTextError:
        return []


def _list(text: str, namespace: str) -> Iterator[Mistake]:
    for index, (offset, item) in enumerate(_items(text)):
        try:
            networks_annotation.comma_element(item, namespace)
        except AnnotationError as error:
            yield Mistake(error.message, offset, index)


def _items(text: str) -> Iterator[tuple[int, str]]:
    """The elements of the comma form, each with its offset; that of an empty one is where it would be."""
    at = 0
    for item in text.split(","):
        yield at + len(item) - len(item.lstrip()), item.strip()
        at += len(item) + 1


def _json(text: str, namespace: str, first: str) -> Iterator[Mistake]:
    try:
        root = json_document.parse(text)
    except json_document.JsonTextError as error:
        yield Mistake(first, error.offset)
        return
    if not isinstance(root.value, list):
        yield Mistake(first, root.start)
        return
    for index, item in enumerate(root.items):
        for each in networks_annotation.element_errors(item.value, index, namespace):
            yield Mistake(each.message, _field_offset(item, each.field), index, each.field)


def _field_offset(item: Node, field: str) -> int:
    """The offset of a field's value; that of the element where it has no such field."""
    wanted = folded(field)
    return next((m.node.start for m in reversed(item.members) if folded(m.key) == wanted), item.start)
