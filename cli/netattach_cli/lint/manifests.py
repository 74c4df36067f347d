"""NADs, pods and pod templates in YAML or JSON files, and where in the file each part of them is."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from netattach_cli import documents
from netattach_cli.documents import Document
from netattach_cli.lint import nad_objects, scalar_offsets
from netattach_core.api.nad import KIND
from netattach_core.text import json_document
from netattach_core.text.finding import Path

_POD_TEMPLATE_PATHS: dict[str, Path] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"),
        ("spec", "template"),
    ),
}
"""By kind: where a pod, or an object that creates pods, has the pod's metadata and spec."""

_HELM_SOURCE = re.compile(r"(?:^|\n)# Source: (\S+)[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*\Z")
"""The comment that `helm template` writes above a document: the template that it was rendered from."""


@dataclass(frozen=True, slots=True)
class Location:
    """`at` is the offset in the file, `text[offset]` the place that an excerpt shows.

    The text is the file's, or that of one value in it, if offsets in this value cannot be mapped to the file.
    """

    at: int
    text: str
    offset: int


@dataclass(frozen=True)
class Manifest:
    """A NAD, a pod or an object that creates pods, in a file.

    `path` leads to it in its document, `source` is the Helm template that it was rendered from, or "".
    """

    file: str
    text: str
    body: dict[str, Any]
    document: Document
    path: Path = ()
    source: str = ""

    @property
    def kind(self) -> str:
        return str(self.body.get("kind") or KIND)

    @property
    def is_nad(self) -> bool:
        return nad_objects.is_nad(self.kind)

    @property
    def pod_path(self) -> Path:
        """Where the object has the metadata and spec of its pod."""
        return _POD_TEMPLATE_PATHS[self.kind]

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
        """The value at a path of the object, or None."""
        found: Any = self.body
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def locate(self, path: Path, offset: int | None = None) -> Location:
        """Where a part of the object begins, or a character of that string; of the object itself where it has no such part."""
        span = scalar_offsets.span(self.document.node, (*self.path, *path)) or self._own_span
        if offset is None or span is None:
            at = span.start if span else 0
            return Location(at, self.text, at)
        offsets = self.offsets(path)
        if offsets is not None and offset < len(offsets):
            return Location(offsets[offset], self.text, offsets[offset])
        return Location(span.start, str(self.value(*path)), offset)

    def offsets(self, path: Path) -> tuple[int, ...] | None:
        """The offset in the file of each character of a string in the object; None where it cannot be determined."""
        value, span = self.value(*path), scalar_offsets.span(self.document.node, (*self.path, *path))
        return scalar_offsets.align(self.text, span, value) if isinstance(value, str) and span else None

    @functools.cached_property
    def _own_span(self) -> scalar_offsets.Span | None:
        return scalar_offsets.span(self.document.node, self.path)


def manifests(file: str, text: str) -> Iterator[Manifest]:
    """All NADs, pods and objects that create pods in a file, also those inside a List; skips other objects.

    Raises UnreadableError at the first document that cannot be read.
    """
    for document in documents.parse(file, text):
        source = None
        for path, body in _objects(document.value):
            kind = str(body.get("kind"))
            is_nad = nad_objects.is_nad(kind) or nad_objects.is_nad_without_kind(body)
            if kind in _POD_TEMPLATE_PATHS or is_nad:
                source = _helm_source(text, document.node) if source is None else source
                yield Manifest(file, text, body, document, path, source)


def _objects(value: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The objects of a document, each with its path in it."""
    if not isinstance(value, dict):
        return
    items = value.get("items")
    if str(value.get("kind", "")).endswith("List") and isinstance(items, list):
        yield from ((("items", i), item) for i, item in enumerate(items) if isinstance(item, dict))
    else:
        yield (), value


def _helm_source(text: str, node: yaml.Node | json_document.Node) -> str:
    """The template named in the comments directly above a document, or ""."""
    if isinstance(node, json_document.Node):
        return ""
    start = node.start_mark.index
    found = _HELM_SOURCE.search(text, max(0, start - 1000), start)
    return found[1] if found else ""
