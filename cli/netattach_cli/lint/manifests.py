"""Objects in YAML or JSON files that define networks or create pods, and where in the file each part of them is."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from netattach_cli.documents import Document
from netattach_cli.lint import network_objects, object_values, pod_objects, scalar_offsets
from netattach_cli.lint.network_objects import MAX_NAME, NetworkSource
from netattach_cli.lint.pod_objects import PodSource
from netattach_core.api.nad import KIND
from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Path

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
    """An object in a file that defines a network (`network`) or creates pods (`pod`); one of several that it defines or creates.

    `path` leads to it in its document, `source` is the Helm template that it was rendered from, or "".
    """

    file: str
    text: str
    body: dict[str, Any]
    document: Document
    path: Path = ()
    source: str = ""
    network: NetworkSource | None = None
    pod: PodSource | None = None

    @property
    def kind(self) -> str:
        return str(self.body.get("kind") or (KIND if self.network else ""))[:MAX_NAME]

    @property
    def is_nad(self) -> bool:
        """Whether it is a NetworkAttachmentDefinition itself, and no object of which an operator makes one."""
        return self.network is not None and self.network.is_nad

    @property
    def namespace(self) -> str:
        if self.network:
            return self.network.namespace
        return str(self.value("metadata", "namespace") or "")[:MAX_NAME]

    @property
    def name(self) -> str:
        if self.network:
            return self.network.name
        name = self.value("metadata", "name") or self.value("metadata", "generateName")
        return str(name or "")[:MAX_NAME]

    @property
    def full_name(self) -> str:
        return "/".join(part for part in (self.namespace, self.name) if part)

    def value(self, *path: str | int) -> Any:
        """The value at a path of the object, or None."""
        return object_values.value_at(self.body, path)

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


@dataclass(frozen=True)
class LocatedFinding:
    """A finding in a manifest. `locate` looks for its place in the file, which only those need that are shown."""

    manifest: Manifest
    finding: Finding
    locate: Callable[[], Location]

    @functools.cached_property
    def location(self) -> Location:
        return self.locate()


def manifests(file: str, text: str, document: Document) -> Iterator[Manifest]:
    """All networks and pods that the objects of a document define, also those inside a List; skips other objects."""
    for path, body in objects(document.value):
        yield from of_object(file, text, document, path, body)


def of_object(
    file: str, text: str, document: Document, path: Path, body: dict[str, Any]
) -> Iterator[Manifest]:
    """The networks and pods that an object at a path of a document defines."""
    networks, pods = network_objects.sources(body), pod_objects.sources(body)
    source = _helm_source(text, document.node) if networks or pods else ""
    for network in networks:
        yield Manifest(file, text, body, document, path, source, network=network)
    for pod in pods:
        yield Manifest(file, text, body, document, path, source, pod=pod)


def objects(value: Any) -> Iterator[tuple[Path, dict[str, Any]]]:
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
