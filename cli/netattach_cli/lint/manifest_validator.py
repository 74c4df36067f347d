"""Findings in the manifests of files, each with its location: the validator of the webhooks, without a cluster.

Rules that need a cluster are left out: a network that none of the files defines may exist in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netattach_cli.lint import annotation_offsets, nad_objects
from netattach_cli.lint.manifests import Location, Manifest
from netattach_cli.lint.namespace_policies import Namespaces
from netattach_core import admission
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.policy import exemptions, requests
from netattach_core.policy.requests import PodCase
from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.validation import node_selector, object_rules
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.validator import RULES

NAD_TWICE = Rule("nad-twice", Severity.WARN, "two NetworkAttachmentDefinitions of one name")

ALL_RULES: tuple[Rule, ...] = tuple(
    {rule.id: rule for rule in (*RULES, *admission.RULES, *admission.POLICY_RULES, NAD_TWICE)}.values()
)

_POD_ANNOTATION = next(rule for rule in admission.RULES if rule.id == "pod-annotation")
_CLUSTER_RULES = {"inventory-missing"}
"""Rules that concern the cluster, not the file."""

_OBJECT_RULES = {rule.id for rule in (*object_rules.RULES, *node_selector.RULES, *exemptions.RULES)}
"""Rules whose findings have a path in the object."""

_MAX_COMPARED = 50
"""Networks on the same link that a network is compared with, the nearest ones: all pairs of a thousand would take a minute."""

_CONFIG: Path = ("spec", "config")
_NAME: Path = ("metadata", "name")
_ANNOTATIONS: Path = ("metadata", "annotations")


@dataclass(frozen=True, slots=True)
class LocatedFinding:
    """A finding in a manifest, and its location in the file."""

    manifest: Manifest
    finding: Finding
    location: Location


@dataclass(slots=True)
class ManifestValidator:
    """Validates manifests one by one and remembers their names. `nodes` is None where no inventory was given."""

    nodes: Sequence[NodeInventory] | None = None
    namespaces: Namespaces = field(default_factory=Namespaces)
    _first_of_name: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    _footprints: dict[str, FootprintIndex] = field(default_factory=dict)
    """By file: the networks of another file may be meant for another cluster."""

    def validate(self, manifest: Manifest) -> list[LocatedFinding]:
        """All findings in a manifest, in the validator's order."""
        return list(self._validate_nad(manifest) if manifest.is_nad else self._validate_pod(manifest))

    def _validate_nad(self, manifest: Manifest) -> Iterator[LocatedFinding]:
        for finding in nad_objects.check(manifest.body):
            yield LocatedFinding(manifest, finding, manifest.locate(finding.path))
        others = self._footprints.setdefault(manifest.file, FootprintIndex(limit=_MAX_COMPARED))
        namespace = self.namespaces.of(manifest.namespace)
        findings = admission.validate_nad(
            _in_namespace(manifest.body, namespace),
            None,
            self.nodes or (),
            footprints=others,
            settings=self.namespaces.settings.validation,
            policy=self.namespaces.policy(namespace),
        )
        for finding in findings:
            if finding.rule.id not in _CLUSTER_RULES:
                path = finding.path if _is_about_object(finding) else _CONFIG
                yield LocatedFinding(manifest, finding, manifest.locate(path, finding.offset))
        config = manifest.value(*_CONFIG)
        if isinstance(config, str) and len(config) <= admission.MAX_CONFIG_LENGTH:
            others.put(Nad(namespace, manifest.name, config))
        yield from self._check_name(manifest)

    def _validate_pod(self, manifest: Manifest) -> Iterator[LocatedFinding]:
        pod = manifest.value(*manifest.pod_path)
        if not isinstance(pod, Mapping):
            return
        for key in (NETWORKS, DEFAULT_NETWORK):
            value = manifest.value(*manifest.pod_path, *_ANNOTATIONS, key)
            if value is not None and not isinstance(value, str):
                yield _located_in_annotation(manifest, _not_a_string(key, value))
                return
        namespace, settings = self.namespaces.of(manifest.namespace), self.namespaces.settings.validation
        asked = admission.validate_pod(pod, None, namespace, settings)
        case = PodCase(self.namespaces.policy(namespace), asked.selections, asked.default)
        findings = [*asked.findings, *requests.check(case)]
        for finding in admission.apply_severities(findings, settings, namespace):
            yield _located_in_annotation(manifest, finding, namespace)

    def _check_name(self, manifest: Manifest) -> Iterator[LocatedFinding]:
        """Warns of a second NAD of the same name. Overlays may intend it; if both are applied, the last one wins."""
        if not manifest.name:
            return
        first = self._first_of_name.setdefault((manifest.namespace, manifest.name), manifest)
        if first is not manifest:
            line, _ = json_document.position(first.text, first.locate(_NAME).at)
            problem = f"{manifest.full_name} is also defined in {first.file}, line {line}; the one applied last takes effect"
            finding = Finding(NAD_TWICE, _NAME, problem, "remove one of the two, or give it another name")
            yield LocatedFinding(manifest, finding, manifest.locate(_NAME))


def _in_namespace(body: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The object as the API server would store it."""
    metadata = body.get("metadata")
    return {**body, "metadata": {**metadata, "namespace": namespace}} if isinstance(metadata, dict) else body


def _is_about_object(finding: Finding) -> bool:
    """Whether its path is one in the object; the paths of all other findings are in its CNI config."""
    return finding.rule.id in _OBJECT_RULES or finding.path[:1] == ("metadata",)


def asks_for_networks(manifest: Manifest) -> bool:
    """Whether a pod, or the pods that an object creates, have an annotation to validate."""
    annotations = manifest.value(*manifest.pod_path, *_ANNOTATIONS)
    return isinstance(annotations, dict) and (NETWORKS in annotations or DEFAULT_NETWORK in annotations)


def _located_in_annotation(manifest: Manifest, finding: Finding, namespace: str = "") -> LocatedFinding:
    """The finding's path begins with the annotation's key; a number after it is the index of a network selection."""
    path = (*manifest.pod_path, *_ANNOTATIONS, finding.path[0])
    annotation = manifest.value(*path)
    offset = None
    if isinstance(annotation, str) and finding.rule is _POD_ANNOTATION:
        offset = annotation_offsets.of_error(annotation, namespace)
    elif isinstance(annotation, str) and len(finding.path) > 1:
        offset = annotation_offsets.of_element(annotation, int(finding.path[1]))
    return LocatedFinding(manifest, finding, manifest.locate(path, offset))


def _not_a_string(key: str, value: Any) -> Finding:
    kind = "YAML" if isinstance(value, dict | list) else repr(value)
    problem = f"the annotation is {kind}, but it has to be a string; the API server rejects anything else"
    return Finding(_POD_ANNOTATION, (key,), problem, "put it in quotes")
