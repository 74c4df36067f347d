"""Objects that are pods or create some: where they have the metadata of these pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_cli.lint import virtual_machines
from netattach_cli.lint.object_values import group_of, mapping_at, value_at
from netattach_core.admission import pod_templates
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.text.finding import Path

_ANNOTATIONS: Path = ("metadata", "annotations")
_PATHS: Mapping[str, Path] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicationController": ("spec", "template"),
    **pod_templates.PATHS,
}
"""By kind, for the kinds of Kubernetes itself."""

_GROUPS = frozenset({"", "v1", "apps", "batch", "extensions"})
"""API groups of these kinds; others may have kinds of the same name."""

_MAX_DEPTH, _MAX_PARTS = 20, 100_000
"""Of an unknown kind, what is searched for pod templates at most; real ones are less than ten levels deep."""


@dataclass(frozen=True, slots=True)
class PodSource:
    """The metadata and spec of pods at a path of an object, as its controller creates them.

    `paths` has, by annotation, the path in the object of each network in it, where no annotation of the object says them.
    """

    path: Path
    body: Mapping[str, Any]
    paths: Mapping[str, Sequence[Path]] | None = None

    def annotation_path(self, key: str) -> Path:
        """The path of an annotation in the object."""
        return (*self.path, *_ANNOTATIONS, key)


def sources(body: Mapping[str, Any]) -> list[PodSource]:
    """The pods of an object: one template for most kinds; several, or none, for kinds that are not known."""
    machine = virtual_machines.find(body)
    if machine is not None:
        return [PodSource(machine.path, machine.pod, machine.paths)]
    kind = body.get("kind")
    path = _PATHS.get(kind) if isinstance(kind, str) and group_of(body) in _GROUPS else None
    paths = list(_templates(body)) if path is None else [path]
    pods = [(each, value_at(body, each)) for each in paths]
    return [PodSource(each, pod) for each, pod in pods if isinstance(pod, Mapping)]


def _templates(body: Mapping[str, Any]) -> Iterator[Path]:
    """Where an object has `template.metadata.annotations` that request networks, as Argo's Rollout and Knative's Service have."""
    waiting: list[tuple[Path, Any]] = [((), body)]
    seen, found, parts = set[int](), set[int](), 0
    while waiting and parts < _MAX_PARTS:
        path, value = waiting.pop()
        parts += 1
        if path and path[-1] == "template" and id(value) not in found and _requests_networks(value):
            found.add(id(value))
            yield path
        if id(value) in seen or len(path) > _MAX_DEPTH:
            continue  # an alias of YAML repeats it
        seen.add(id(value))
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        waiting += [((*path, key), each) for key, each in inner if isinstance(each, dict | list)]


def _requests_networks(template: Any) -> bool:
    return any(
        isinstance(key, str) and (key in (NETWORKS, DEFAULT_NETWORK) or "cncf.io/net" in key)
        for key in mapping_at(template, *_ANNOTATIONS)
    )
