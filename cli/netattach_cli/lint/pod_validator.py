"""Findings in the pods of files, each with its location: as at admission, with the networks that the same files define."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from netattach_cli.lint.manifests import LocatedFinding, Location, Manifest
from netattach_cli.lint.network_validator import NetworkValidator
from netattach_cli.lint.pod_objects import PodSource
from netattach_core import admission
from netattach_core.admission.pod_annotations import MISPLACED
from netattach_core.admission.pods import POD_ANNOTATION
from netattach_core.api import annotation_mistakes
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.policy import requests
from netattach_core.policy.case import PodCase, Surroundings
from netattach_core.text.finding import Finding, Path, Severity
from netattach_kube.cluster_settings import DeviceInjection

_ANNOTATIONS: Path = ("metadata", "annotations")


@dataclass(slots=True)
class PodValidator:
    """Validates pods and pod templates; `networks` knows the networks of all files that were read so far."""

    networks: NetworkValidator

    def missing(self, manifest: Manifest, pod: PodSource) -> bool:
        """Whether it requests a network that its own file has not defined so far: a document or a file that follows may do so."""
        selections, default = self._selections(manifest, pod)
        wanted = [*selections, default] if default else selections
        return any(manifest.file not in self.networks.known.get(each.key, ()) for each in wanted)

    def validate(self, manifest: Manifest, pod: PodSource) -> list[LocatedFinding]:
        """All findings in a pod's annotations, denials first."""
        not_strings = list(_not_strings(pod))
        if not_strings:
            return [_located(manifest, pod, each) for each in not_strings]
        settings = self.networks.namespaces.settings.validation
        namespace = self.networks.namespaces.of(manifest.namespace)
        findings = admission.apply_severities(self._findings(manifest, pod, namespace), settings, namespace)
        return [_located(manifest, pod, each) for each in findings]

    def _findings(self, manifest: Manifest, pod: PodSource, namespace: str) -> Iterator[Finding]:
        settings = self.networks.namespaces.settings.validation
        asked = admission.validate_pod(pod.body, None, namespace, settings)
        yield from asked.findings
        nads = self._known(
            [each for each in asked.selections if self._reaches(namespace, each)], manifest.file
        )
        yield from admission.validate_requests(asked.selections, nads)
        default = self._known([asked.default], manifest.file) if asked.default else {}
        if asked.default:
            yield from admission.validate_requests([asked.default], default, DEFAULT_NETWORK)
        if asked.selections or asked.default:
            around = Surroundings(self.networks.nodes or (), settings.networks)
            policy = self.networks.namespaces.policy(namespace)
            yield from requests.check(
                PodCase(policy, asked.selections, asked.default, {**nads, **default}, around)
            )
        if manifest.kind == "Pod":
            yield from self._devices(pod, asked.selections, nads)
        elif pod.paths is None:
            yield from self._capacity(manifest, asked.selections, nads)
            yield from admission.validate_owner(manifest.body, pod.body)

    def _devices(
        self, pod: PodSource, selections: tuple[NetworkSelection, ...], nads: Mapping[Key, Nad]
    ) -> Iterator[Finding]:
        """Warnings only: a webhook of the cluster may add the requests."""
        if self.networks.namespaces.settings.device_injection is not DeviceInjection.ON:
            for each in admission.validate_devices(pod.body, selections, nads):
                yield dataclasses.replace(each, severity=Severity.WARN)

    def _capacity(
        self, manifest: Manifest, selections: tuple[NetworkSelection, ...], nads: Mapping[Key, Nad]
    ) -> Iterator[Finding]:
        """Without inventories, there may be a node for each pod."""
        nodes = len(self.networks.nodes or ())
        pods = admission.template_replicas(manifest.kind, manifest.body, nodes)
        return admission.validate_capacity(selections, nads, pods, nodes or pods)

    def _selections(
        self, manifest: Manifest, pod: PodSource
    ) -> tuple[tuple[NetworkSelection, ...], NetworkSelection | None]:
        if list(_not_strings(pod)):
            return (), None
        namespace = self.networks.namespaces.of(manifest.namespace)
        asked = admission.validate_pod(
            pod.body, None, namespace, self.networks.namespaces.settings.validation
        )
        return asked.selections, asked.default

    def _reaches(self, namespace: str, selection: NetworkSelection) -> bool:
        """As at admission, findings say nothing of a network that the pod's namespace may not use."""
        settings = self.networks.namespaces.settings.validation
        return settings.selection.reaches(namespace, selection.namespace)

    def _known(self, selections: Iterable[NetworkSelection], file: str) -> dict[Key, Nad]:
        """The networks that files define: of several of one name that of the pod's own file, else the first one."""
        found = {}
        for each in selections:
            files = self.networks.known.get(each.key)
            if files:
                found[each.key] = files.get(file) or next(iter(files.values()))
        return found


def asks_for_networks(pod: PodSource) -> bool:
    """Whether a pod has an annotation to validate."""
    metadata = pod.body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return isinstance(annotations, Mapping) and (NETWORKS in annotations or DEFAULT_NETWORK in annotations)


def _not_strings(pod: PodSource) -> Iterator[Finding]:
    """An annotation that the API server rejects before it calls a webhook."""
    if not asks_for_networks(pod):
        return
    annotations = pod.body["metadata"]["annotations"]
    for key in (NETWORKS, DEFAULT_NETWORK):
        value = annotations.get(key)
        if value is not None and not isinstance(value, str):
            kind = "YAML" if isinstance(value, dict | list) else repr(value)[:100]
            problem = (
                f"the annotation is {kind}, but it has to be a string; the API server rejects anything else"
            )
            yield Finding(POD_ANNOTATION, (key,), problem, "put it in quotes")


def _located(manifest: Manifest, pod: PodSource, finding: Finding) -> LocatedFinding:
    return LocatedFinding(manifest, finding, functools.partial(_location, manifest, pod, finding))


def _location(manifest: Manifest, pod: PodSource, finding: Finding) -> Location:
    """The finding's path begins with the annotation's key; a number after it is the index of a network selection."""
    if finding.rule is MISPLACED:
        return manifest.locate((*_ANNOTATIONS, str(finding.path[0])))
    if pod.paths is None:
        path = pod.annotation_path(str(finding.path[0]))
        return manifest.locate(path, _offset(manifest.value(*path), finding))
    paths = pod.paths.get(str(finding.path[0]), ())
    index = finding.path[1] if len(finding.path) > 1 else 0
    path = paths[index] if isinstance(index, int) and index < len(paths) else (*pod.path, "spec", "networks")
    return manifest.locate(path)


def _offset(annotation: Any, finding: Finding) -> int | None:
    """The finding's own offset, else that of its network selection."""
    if finding.offset is not None or len(finding.path) < 2 or not isinstance(annotation, str):
        return finding.offset
    offsets, index = annotation_mistakes.element_offsets(annotation), finding.path[1]
    return offsets[index] if isinstance(index, int) and index < len(offsets) else None
