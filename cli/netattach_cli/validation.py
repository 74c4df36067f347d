"""What is wrong with the objects in files, each finding with its place: the validator of the webhooks, without a cluster.

What only a cluster can know is not asked: a network that stands in none of the files may be there all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netattach_cli import nad_objects
from netattach_cli.manifests import Manifest, Spot
from netattach_core import admission
from netattach_core.api import networks_annotation
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.errors import AnnotationError
from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.validation import node_selector, object_rules
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.validator import RULES

NAD_TWICE = Rule("nad-twice", Severity.WARN, "two NetworkAttachmentDefinitions of one name")

ALL_RULES: tuple[Rule, ...] = tuple(
    {rule.id: rule for rule in (*RULES, *admission.RULES, NAD_TWICE)}.values()
)

_POD_ANNOTATION = next(rule for rule in admission.RULES if rule.id == "pod-annotation")
_OF_A_CLUSTER = {"inventory-missing"}
"""Rules that say something of the cluster, and nothing of the file."""

_OF_THE_OBJECT = {rule.id for rule in (*object_rules.RULES, *node_selector.RULES)}
"""Rules whose place is one in the object; that of all others is in its configuration."""

_NOBODY = "@"
"""Stands for an element that is empty, which alone would be an annotation without any."""

_MET = 50
"""Networks of one link that another is held against, the nearest ones: each with each of a thousand would take a minute."""

_CONFIG: Path = ("spec", "config")
_NAME: Path = ("metadata", "name")
_ANNOTATIONS: Path = ("metadata", "annotations")


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding in an object of a file, and where that is."""

    manifest: Manifest
    finding: Finding
    spot: Spot


@dataclass(slots=True)
class Validate:
    """Validators one object after the other, and remembers their names. `nodes` is None where nothing is known of any."""

    nodes: Sequence[NodeInventory] | None = None
    _seen: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    _neighbours: dict[str, FootprintIndex] = field(default_factory=dict)
    """Of each file: the networks of another one may be for another cluster."""

    def problems(self, manifest: Manifest) -> list[Problem]:
        """All that is wrong with an object, in the validator's order."""
        return list(self._of_nad(manifest) if manifest.is_nad else _of_pod(manifest))

    def _of_nad(self, manifest: Manifest) -> Iterator[Problem]:
        for finding in nad_objects.check(manifest.body):
            yield Problem(manifest, finding, manifest.spot(finding.path))
        others = self._neighbours.setdefault(manifest.file, FootprintIndex(limit=_MET))
        for finding in admission.validate_nad(manifest.body, None, self.nodes or (), footprints=others):
            if finding.rule.id not in _OF_A_CLUSTER:
                path = finding.path if finding.rule.id in _OF_THE_OBJECT else _CONFIG
                yield Problem(manifest, finding, manifest.spot(path, finding.offset))
        config = manifest.value(*_CONFIG)
        if isinstance(config, str) and len(config) <= admission.MAX_CONFIG_LENGTH:
            others.put(Nad(manifest.namespace or "default", manifest.name, config))
        yield from self._twice(manifest)

    def _twice(self, manifest: Manifest) -> Iterator[Problem]:
        """Overlays may mean it so; applied together, the last one wins."""
        if not manifest.name:
            return
        first = self._seen.setdefault((manifest.namespace, manifest.name), manifest)
        if first is not manifest:
            line, _ = json_document.position(first.text, first.spot(_NAME).at)
            problem = f"{manifest.full_name} stands in {first.file}, line {line}, too; the one that is applied last is in force"
            finding = Finding(NAD_TWICE, _NAME, problem, "remove one of the two, or give it another name")
            yield Problem(manifest, finding, manifest.spot(_NAME))


def asks_for_networks(manifest: Manifest) -> bool:
    """Whether there is anything to validate in a pod."""
    annotations = manifest.value(*manifest.template, *_ANNOTATIONS)
    return isinstance(annotations, dict) and (NETWORKS in annotations or DEFAULT_NETWORK in annotations)


def _of_pod(manifest: Manifest) -> Iterator[Problem]:
    pod = manifest.value(*manifest.template)
    if not isinstance(pod, Mapping):
        return
    for key in (NETWORKS, DEFAULT_NETWORK):
        value = manifest.value(*manifest.template, *_ANNOTATIONS, key)
        if value is not None and not isinstance(value, str):
            yield _problem_of_pod(manifest, _not_text(key, value))
            return
    namespace = manifest.namespace or "default"
    for finding in admission.validate_pod(pod, None, namespace).findings:
        yield _problem_of_pod(manifest, finding, namespace)


def _problem_of_pod(manifest: Manifest, finding: Finding, namespace: str = "") -> Problem:
    """The path begins with the annotation; a number behind it is one of the networks in there."""
    path = (*manifest.template, *_ANNOTATIONS, finding.path[0])
    text = manifest.value(*path)
    offset = None
    if isinstance(text, str) and finding.rule is _POD_ANNOTATION:
        offset = _broken(text, namespace)
    elif isinstance(text, str) and len(finding.path) > 1:
        offset = dict(enumerate(start for start, _ in _elements(text))).get(int(finding.path[1]))
    return Problem(manifest, finding, manifest.spot(path, offset))


def _not_text(key: str, value: Any) -> Finding:
    kind = "YAML" if isinstance(value, dict | list) else repr(value)
    problem = (
        f"the annotation is {kind}, but it has to be one text; the API server does not take it otherwise"
    )
    return Finding(_POD_ANNOTATION, (key,), problem, "put it between quotes")


def _broken(text: str, namespace: str) -> int:
    """Where in an annotation the first element begins that cannot be read, or the character that is no JSON."""
    try:
        elements = _elements(text)
    except json_document.JsonTextError as error:
        return error.offset
    broken = (start for start, element in elements if not _readable(element, namespace))
    return next(broken, 0)


def _elements(text: str) -> list[tuple[int, str]]:
    """Where each network begins that an annotation asks for, and an annotation that asks for it alone."""
    if any(char in text for char in '[{"'):
        return [(item.start, f"[{text[item.start : item.end]}]") for item in json_document.parse(text).items]
    found, at = [], 0
    for item in text.split(","):
        found.append((at + len(item) - len(item.lstrip()), item.strip() or _NOBODY))
        at += len(item) + 1
    return found


def _readable(text: str, namespace: str) -> bool:
    try:
        networks_annotation.parse(text, namespace)
    except AnnotationError:
        return False
    return True
