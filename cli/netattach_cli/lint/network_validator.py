"""Findings in the networks of files, each with its location: the validator of the webhooks, without a cluster.

Rules that need a cluster are left out: a network that none of the files defines may exist in the cluster.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netattach_cli.lint import nad_objects
from netattach_cli.lint.manifests import LocatedFinding, Manifest
from netattach_cli.lint.namespace_policies import Namespaces
from netattach_cli.lint.network_objects import NetworkSource
from netattach_cli.lint.rules import NAD_TWICE
from netattach_core import admission
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.policy import exemptions
from netattach_core.text import json_document
from netattach_core.text.finding import Finding
from netattach_core.validation import node_selector, object_rules
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.validator import nad_of

_CLUSTER_RULES = {"inventory-missing"}
"""Rules that concern the cluster, not the file."""

_OBJECT_RULES = {rule.id for rule in (*object_rules.RULES, *node_selector.RULES, *exemptions.RULES)}
"""Rules whose findings have a path in the object."""

_MAX_COMPARED = 25
"""Networks on the same link that a network is compared with, the nearest ones: all pairs of a thousand would take a minute."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network to validate: `body` is the object as the API server would store it, `nad` None where others need not know it."""

    file: str
    network: NetworkSource
    namespace: str
    body: Mapping[str, Any]
    nad: Nad | None


@dataclass(slots=True)
class NetworkValidator:
    """Validates networks one by one and remembers them. `nodes` is None where no inventory was given."""

    nodes: Sequence[NodeInventory] | None = None
    namespaces: Namespaces = field(default_factory=Namespaces)
    known: dict[Key, dict[str, Nad]] = field(default_factory=dict)
    """The networks so far, by file: several files may define one of the same name, for different clusters."""

    _first_of_name: dict[Key, Manifest] = field(default_factory=dict)
    _file: str = ""
    _footprints: FootprintIndex = field(default_factory=FootprintIndex)
    """Of the networks so far in this file: those of another file may be meant for another cluster."""

    _last: Nad | None = None
    """The network after them."""

    def validate(self, manifest: Manifest, network: NetworkSource) -> list[LocatedFinding]:
        """All findings in a network, in the validator's order."""
        (found,) = self.findings([self.candidate(manifest, network)])
        return self.located(manifest, network, found)

    def candidate(self, manifest: Manifest, network: NetworkSource) -> Candidate:
        """The network, which pods that request it find from now on."""
        namespace = self.namespaces.of(manifest.namespace)
        body, nad = _in_namespace(network.body, namespace), None
        if network.config and len(network.config) <= admission.MAX_CONFIG_LENGTH:
            nad = nad_of(body)
            self.known.setdefault((nad.namespace, nad.name), {})[manifest.file] = nad
        return Candidate(manifest.file, network, namespace, body, nad)

    def findings(self, candidates: Sequence[Candidate]) -> list[list[Finding]]:
        """The findings in each of the networks, except those of its name; each is compared with those before it in its file."""
        return [self._findings(each) for each in candidates]

    def pass_over(self, candidates: Sequence[Candidate]) -> None:
        """Remembers networks that another process validates, for those after them in the same file."""
        for each in candidates:
            self._before(each)

    def located(
        self, manifest: Manifest, network: NetworkSource, findings: Iterable[Finding]
    ) -> list[LocatedFinding]:
        """The findings with their locations, and those of its name."""
        settings = self.namespaces.settings.validation
        twice = admission.apply_severities(
            self._twice(manifest), settings, self.namespaces.of(manifest.namespace)
        )
        return [
            LocatedFinding(manifest, each, functools.partial(manifest.locate, *_place(network, each)))
            for each in (*findings, *twice)
        ]

    def _findings(self, candidate: Candidate) -> list[Finding]:
        settings, network = self.namespaces.settings.validation, candidate.network
        own = [*nad_objects.check(network.body)] if network.is_nad else []
        found = admission.validate_nad(
            candidate.body,
            None,
            self.nodes or (),
            footprints=self._before(candidate),
            settings=settings,
            policy=self.namespaces.policy(candidate.namespace),
        )
        return [
            *admission.apply_severities(own, settings, candidate.namespace),
            *(each for each in found if each.rule.id not in _CLUSTER_RULES),
        ]

    def _before(self, candidate: Candidate) -> FootprintIndex:
        """The networks before this one in its file. The last one is added only now: most files have no other."""
        if candidate.file != self._file:
            self._file, self._footprints = candidate.file, FootprintIndex(limit=_MAX_COMPARED)
        elif self._last is not None:
            self._footprints.put(self._last)
        self._last = candidate.nad
        return self._footprints

    def _twice(self, manifest: Manifest) -> Iterator[Finding]:
        """Warns of a second network of the same name. Overlays may intend it; if both are applied, the last one wins."""
        if not manifest.name:
            return
        first = self._first_of_name.setdefault((manifest.namespace, manifest.name), manifest)
        if first is not manifest and first.network:
            line, _ = json_document.position(first.text, first.locate(first.network.name_path).at)
            problem = f"{manifest.full_name} is also defined in {first.file}, line {line}; the one applied last takes effect"
            path = ("metadata", "name")
            yield Finding(NAD_TWICE, path, problem, "remove one of the two, or give it another name")


def _place(network: NetworkSource, finding: Finding) -> tuple[Any, ...]:
    """The path and offset in the object for a finding of the webhook."""
    if not _is_about_object(finding):
        return network.place(finding.path, finding.offset)
    if network.is_nad:
        return finding.path, finding.offset
    return (network.name_path,)


def _in_namespace(body: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    """The object as the API server would store it."""
    metadata = body.get("metadata")
    return {**body, "metadata": {**metadata, "namespace": namespace}} if isinstance(metadata, dict) else body


def _is_about_object(finding: Finding) -> bool:
    """Whether its path is one in the object; the paths of all other findings are in its CNI config."""
    return finding.rule.id in _OBJECT_RULES or finding.path[:1] == ("metadata",)
