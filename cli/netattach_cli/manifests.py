"""Objects in files of YAML or JSON, and where in the file the configuration of a NAD stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from netattach_cli import places
from netattach_core import json_text
from netattach_core.nad import KIND


class UnreadableError(Exception):
    """A file, or a document in it, that cannot be read. Line and column are 0 where no place is to blame."""

    def __init__(self, file: str, problem: str, line: int = 0, column: int = 0) -> None:
        super().__init__(problem)
        self.file, self.problem, self.line, self.column = file, problem, line, column


@dataclass(frozen=True, slots=True)
class Document:
    """A document's value, and its nodes of YAML where it was read as YAML."""

    value: Any
    node: yaml.Node | json_text.Node


@dataclass(frozen=True, slots=True)
class Manifest:
    """A NAD in a file. `config_at` is where the value of `spec.config` stands, `offsets` where each of its characters does."""

    file: str
    text: str
    body: dict[str, Any]
    config_at: int
    offsets: tuple[int, ...] | None

    @property
    def config(self) -> str:
        """The configuration's text, "" where it is none."""
        config = _at(self.body, "spec", "config")
        return config if isinstance(config, str) else ""

    @property
    def name(self) -> str:
        names = [_at(self.body, "metadata", key) for key in ("namespace", "name")]
        return "/".join(str(name) for name in names if name)


def nads(file: str, text: str) -> Iterator[Manifest]:
    """All NADs of a file, those inside a List too. Raises UnreadableError at the first document that cannot be read."""
    for document in documents(file, text):
        for path, body in _objects(document.value):
            if body.get("kind") == KIND:
                yield _manifest(file, text, document, path, body)


def documents(file: str, text: str) -> Iterator[Document]:
    """JSON is read as JSON, since YAML does not allow all of it (tabs); all else is YAML."""
    try:
        root = json_text.parse(text)
    except json_text.JsonTextError:
        yield from _yaml_documents(file, text)
    else:
        yield Document(root.value, root)


def listed(value: Any) -> list[Any]:
    """The elements of a list, of a Kubernetes List, or the value alone."""
    if isinstance(value, list):
        return value
    items = value.get("items") if isinstance(value, dict) else None
    return items if isinstance(items, list) else [value]


def _yaml_documents(file: str, text: str) -> Iterator[Document]:
    try:
        loader = yaml.SafeLoader(text)
        while loader.check_node():
            node = loader.get_node()
            value = loader.construct_document(node)
            if node is not None and value is not None:
                yield Document(value, node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"not YAML: {error.problem or error.context}"
        raise UnreadableError(file, problem, *((mark.line + 1, mark.column + 1) if mark else ())) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableError(file, f"not YAML: {error}") from error


def _objects(value: Any) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """The objects of a document with the way to each."""
    if not isinstance(value, dict):
        return
    items = value.get("items")
    if str(value.get("kind", "")).endswith("List") and isinstance(items, list):
        yield from ((("items", i), item) for i, item in enumerate(items) if isinstance(item, dict))
    else:
        yield (), value


def _manifest(
    file: str, text: str, document: Document, path: tuple[str | int, ...], body: dict[str, Any]
) -> Manifest:
    config = _at(body, "spec", "config")
    span = places.span(document.node, (*path, "spec", "config")) or places.span(document.node, path)
    if span is None:
        return Manifest(file, text, body, 0, None)
    offsets = places.align(text, span, config) if isinstance(config, str) else None
    return Manifest(file, text, body, span.start, offsets)


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
