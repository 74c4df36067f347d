"""The networks and pods in files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_cli import documents, files
from netattach_cli.files import File
from netattach_cli.lint import pod_objects
from netattach_core.api.objects import Body

_NAD = "NetworkAttachmentDefinition"


@dataclass(frozen=True, slots=True)
class PodOfFile:
    """A pod, or that of a workload's template, with the namespace that it would have; `owner` is the object itself."""

    kind: str
    name: str
    namespace: str
    body: Mapping[str, Any]
    owner: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sources:
    """In the order of the files."""

    networks: Sequence[Body]
    pods: Sequence[PodOfFile]


def read(names: Iterable[str]) -> list[Any]:
    """All objects of the files, each file read once: it may be a pipe. Raises UnreadableError."""
    found = []
    for name in names:
        file = File(name)
        for document in documents.parse(file.name, files.read(file)):
            found += documents.items(document.value)
    return found


def sources(objects: Iterable[Any], namespace: str) -> Sources:
    """Those that can be simulated; `namespace` is for objects that have none."""
    networks: list[Body] = []
    pods: list[PodOfFile] = []
    for body in objects:
        if isinstance(body, dict) and body.get("kind") == _NAD:
            networks.append(_placed(body, namespace))
        elif isinstance(body, dict):
            pods += _pods(body, namespace)
    return Sources(networks, pods)


def _placed(body: Body, namespace: str) -> Body:
    """As the API server would store it; a status in a file is not what the operator will say."""
    metadata = body.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    placed = {**own, "namespace": _text(own.get("namespace")) or namespace, "name": _text(own.get("name"))}
    return {**{key: value for key, value in body.items() if key != "status"}, "metadata": placed}


def _pods(body: Mapping[str, Any], namespace: str) -> list[PodOfFile]:
    metadata = body.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    within = _text(own.get("namespace")) or namespace
    kind, name = _text(body.get("kind")), _text(own.get("name")) or _text(own.get("generateName"))
    return [PodOfFile(kind, name, within, each.body, body) for each in pod_objects.sources(body)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
