"""The cluster's networks, validated as the webhooks and the daemon will do it, with the settings that it will have."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from netattach_cli import documents
from netattach_cli.lint import manifests
from netattach_cli.lint.manifests import LocatedFinding
from netattach_cli.lint.namespace_policies import Namespaces
from netattach_cli.lint.network_validator import NetworkValidator
from netattach_cli.migrate.assessment import Item, Section, refused, works
from netattach_cli.migrate.objects import Object, of_kind
from netattach_core import admission
from netattach_core.text.finding import Severity
from netattach_kube.cluster_settings import ClusterSettings

_SOURCE = "cluster"
_POLICY_RULES = {rule.id for rule in admission.POLICY_RULES}


def items(objects: Sequence[Object], settings: ClusterSettings) -> Iterator[Item]:
    """Findings in networks; those that have none are counted."""
    namespaces = Namespaces(settings)
    namespaces.learn(_SOURCE, _listed(of_kind(objects, "Namespace")))
    validator = NetworkValidator(None, namespaces)
    text = _listed(of_kind(objects, "NetworkAttachmentDefinition"))
    found = [
        (
            manifest.full_name,
            [
                _item(each, namespaces)
                for each in validator.validate(manifest, manifest.network)
                if each.finding.effective_severity is not Severity.ADVICE
            ],
        )
        for document in documents.parse(_SOURCE, text)
        for manifest in manifests.manifests(_SOURCE, text, document)
        if manifest.network
    ]
    for _, of_one in found:
        yield from of_one
    clean = Counter(name.partition("/")[0] for name, of_one in found if not of_one)
    if clean:
        yield works("networks", f"{clean.total()} without a finding, in {', '.join(sorted(clean))}")


def _item(located: LocatedFinding, namespaces: Namespaces) -> Item:
    finding, manifest = located.finding, located.manifest
    policy = namespaces.policy(namespaces.of(manifest.namespace))
    text = f"[{finding.rule.id}] {finding.problem}"
    if finding.effective_severity is not Severity.DENY:
        return Item(Section.WORKS, manifest.full_name, f"warning {text}", finding.fix)
    if finding.rule.id in _POLICY_RULES:
        why = f"{policy.enforce.text} by {policy.source}: new pods would not start"
        return refused(manifest.full_name, f"{text}; its namespace is {why}", finding.fix)
    return refused(
        manifest.full_name, f"{text}; pods get it as before, but it cannot be applied again", finding.fix
    )


def _listed(objects: Sequence[Object]) -> str:
    return json.dumps({"kind": "List", "items": list(objects)})
