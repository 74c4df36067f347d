"""Where in a networks annotation each network selection is."""

from __future__ import annotations

from netattach_core.api import networks_annotation
from netattach_core.errors import AnnotationError
from netattach_core.text import json_document

_EMPTY_ELEMENT = "@"
"""Replaces an empty element, which on its own would be a valid annotation without networks."""


def of_element(annotation: str, index: int) -> int | None:
    """The offset of the network selection with this index; None where there is none."""
    return dict(enumerate(start for start, _ in _elements(annotation))).get(index)


def of_error(annotation: str, namespace: str) -> int:
    """The offset of the first network selection that cannot be parsed, or of the character that is not JSON."""
    try:
        elements = _elements(annotation)
    except json_document.JsonTextError as error:
        return error.offset
    return next((start for start, element in elements if not _is_valid(element, namespace)), 0)


def _elements(annotation: str) -> list[tuple[int, str]]:
    """The offset of each network selection, and an annotation that contains only this one."""
    if any(char in annotation for char in '[{"'):
        items = json_document.parse(annotation).items
        return [(item.start, f"[{annotation[item.start : item.end]}]") for item in items]
    found, at = [], 0
    for item in annotation.split(","):
        found.append((at + len(item) - len(item.lstrip()), item.strip() or _EMPTY_ELEMENT))
        at += len(item) + 1
    return found


def _is_valid(annotation: str, namespace: str) -> bool:
    try:
        networks_annotation.parse(annotation, namespace)
    except AnnotationError:
        return False
    return True
