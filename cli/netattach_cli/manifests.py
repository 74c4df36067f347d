"""Objects in files of YAML or JSON, and where in the file a part of one stands."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from netattach_cli import nad_objects, places
from netattach_cli.files import UnreadableError
from netattach_core.text import json_document
from netattach_core.text.finding import Path

_TEMPLATES: dict[str, Path] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"),
        ("spec", "template"),
    ),
}
"""Where the kinds that make pods say how those look."""

_SOURCE = re.compile(r"(?:^|\n)# Source: (\S+)[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*\Z")
"""What `helm template` writes above a document: the template that it came from."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document's value, and its nodes of YAML or JSON."""

    value: Any
    node: yaml.Node | json_document.Node


@dataclass(frozen=True, slots=True)
class Spot:
    """A place: `at` in the file; `text[offset]` is what to show, of the file, or of a part of it that cannot be followed."""

    at: int
    text: str
    offset: int


@dataclass(frozen=True)
class Manifest:
    """An object in a file: a NAD, a pod, or what makes pods. `path` leads to it in its document, `source` is Helm's template."""

    file: str
    text: str
    body: dict[str, Any]
    document: Document
    path: Path = ()
    source: str = ""

    @property
    def kind(self) -> str:
        return str(self.body.get("kind"))

    @property
    def is_nad(self) -> bool:
        return nad_objects.is_nad(self.kind)

    @property
    def template(self) -> Path:
        """Where its pod stands in it."""
        return _TEMPLATES[self.kind]

    @property
    def namespace(self) -> str:
        return str(self.value("metadata", "namespace") or "")

    @property
    def name(self) -> str:
        return str(self.value("metadata", "name") or self.value("metadata", "generateName") or "")

    @property
    def full_name(self) -> str:
        return "/".join(part for part in (self.namespace, self.name) if part)

    def value(self, *path: str | int) -> Any:
        """What stands at a path of the object, or None."""
        found: Any = self.body
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def spot(self, path: Path, offset: int | None = None) -> Spot:
        """Where a part of the object begins, or a character of that text. The object itself where it has no such part."""
        span = places.span(self.document.node, (*self.path, *path)) or self._own_span
        if offset is None or span is None:
            at = span.start if span else 0
            return Spot(at, self.text, at)
        offsets = self.offsets(path)
        if offsets is not None and offset < len(offsets):
            return Spot(offsets[offset], self.text, offsets[offset])
        return Spot(span.start, str(self.value(*path)), offset)

    def offsets(self, path: Path) -> tuple[int, ...] | None:
        """For each character of a text in the object where it stands in the file; None where that cannot be told."""
        value, span = self.value(*path), places.span(self.document.node, (*self.path, *path))
        return places.align(self.text, span, value) if isinstance(value, str) and span else None

    @functools.cached_property
    def _own_span(self) -> places.Span | None:
        return places.span(self.document.node, self.path)


def manifests(file: str, text: str) -> Iterator[Manifest]:
    """All NADs of a file and all that makes pods, those inside a List too; other objects are passed over.

    Raises UnreadableError at the first document that cannot be read.
    """
    for document in documents(file, text):
        source = None
        for path, body in _objects(document.value):
            kind = str(body.get("kind"))
            if kind in _TEMPLATES or nad_objects.is_nad(kind):
                source = _source(text, document.node) if source is None else source
                yield Manifest(file, text, body, document, path, source)


def documents(file: str, text: str) -> Iterator[Document]:
    """JSON is read as JSON, since YAML does not allow all of it (tabs); all else is YAML."""
    try:
        root = json_document.parse(text)
    except json_document.JsonTextError:
        yield from _yaml_documents(file, text)
    else:
        yield Document(root.value, root)


def listed(value: Any) -> list[Any]:
    """The elements of a list, of a Kubernetes List, or the value alone."""
    if isinstance(value, list):
        return value
    items = value.get("items") if isinstance(value, dict) else None
    return items if isinstance(items, list) else [value]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # which one is known at run time
    """Reads any dialect: a tag of somebody else's is no reason not to read the rest, and a date is a text like another.

    libyaml's is ten times faster, and not in every build of PyYAML.
    """


def _plain(loader: Any, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Loader.add_multi_constructor("", _plain)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def _yaml_documents(file: str, text: str) -> Iterator[Document]:
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            value = loader.construct_document(node)
            if node is not None and value is not None:
                yield Document(value, node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else ()
        raise UnreadableError(file, _not_yaml(error.problem or error.context, text), *place) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableError(file, _not_yaml(str(error).partition("\n")[0], text)) from error


def _not_yaml(problem: str | None, text: str) -> str:
    template = "; a template of Helm is none yet: helm template … | netattach lint -" if "{{" in text else ""
    return f"not YAML: {problem}{template}"


def _objects(value: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The objects of a document with the way to each."""
    if not isinstance(value, dict):
        return
    items = value.get("items")
    if str(value.get("kind", "")).endswith("List") and isinstance(items, list):
        yield from ((("items", i), item) for i, item in enumerate(items) if isinstance(item, dict))
    else:
        yield (), value


def _source(text: str, node: yaml.Node | json_document.Node) -> str:
    """In the comments directly above a document."""
    if isinstance(node, json_document.Node):
        return ""
    start = node.start_mark.index
    found = _SOURCE.search(text, max(0, start - 1000), start)
    return found[1] if found else ""
