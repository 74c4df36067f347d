"""Findings in the networks of files, each with its location: the validator of the webhooks, without a cluster.

Rules that need a cluster are left out: a network that none of the files defines may exist in the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


@dataclass(slots=True)
class NetworkValidator:
    """Validates networks one by one and remembers them. `nodes` is None where no inventory was given."""

    nodes: Sequence[NodeInventory] | None = None
    namespaces: Namespaces = field(default_factory=Namespaces)
    known: dict[Key, dict[str, Nad]] = field(default_factory=dict)
    """The networks so far, by file: several files may define one of the same name, for different clusters."""

    _first_of_name: dict[Key, Manifest] = field(default_factory=dict)
    _footprints: dict[str, FootprintIndex] = field(default_factory=dict)
    """By file: the networks of another file may be meant for another cluster."""

    def validate(self, manifest: Manifest, network: NetworkSource) -> list[LocatedFinding]:
        """All findings in a network, in the validator's order."""
        namespace = self.namespaces.of(manifest.namespace)
        settings = self.namespaces.settings.validation
        own = [*nad_objects.check(network.body)] if network.is_nad else []
        own = admission.apply_severities(own, settings, namespace)
        found = [LocatedFinding(manifest, each, manifest.locate(each.path)) for each in own]
        found += self._of_webhook(manifest, network, namespace)
        twice = admission.apply_severities(self._twice(manifest), settings, namespace)
        return [
            *found,
            *(LocatedFinding(manifest, each, manifest.locate(network.name_path)) for each in twice),
        ]

    def _of_webhook(
        self, manifest: Manifest, network: NetworkSource, namespace: str
    ) -> Iterator[LocatedFinding]:
        body = _in_namespace(network.body, namespace)
        others = self._footprints.setdefault(manifest.file, FootprintIndex(limit=_MAX_COMPARED))
        findings = admission.validate_nad(
            body,
            None,
            self.nodes or (),
            footprints=others,
            settings=self.namespaces.settings.validation,
            policy=self.namespaces.policy(namespace),
        )
        for finding in findings:
            if finding.rule.id not in _CLUSTER_RULES:
                yield LocatedFinding(manifest, finding, manifest.locate(*_place(network, finding)))
        if network.config and len(network.config) <= admission.MAX_CONFIG_LENGTH:
            nad = nad_of(body)
            others.put(nad)
            self.known.setdefault((nad.namespace, nad.name), {})[manifest.file] = nad

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
