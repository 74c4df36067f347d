"""Pods as they reach policy: annotations as their author wrote them, and networks as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from netattach_core.api import networks_annotation
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.policy import networks, requests
from netattach_core.policy.case import NOTHING_KNOWN, KnownDevices, PodCase, Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import AllowLists, Level
from netattach_core.text.finding import Finding

BASELINE = NamespacePolicy("lab", enforce=Level.BASELINE)
RESTRICTED = NamespacePolicy("lab", enforce=Level.RESTRICTED, lists="policy.namespaces[0]")


def restricted(**lists: tuple[str, ...]) -> NamespacePolicy:
    """A restricted namespace with these lists."""
    return NamespacePolicy(
        "lab", enforce=Level.RESTRICTED, allowed=AllowLists(**lists), lists="policy.namespaces[0]"
    )


def nad(name: str = "net", annotations: Mapping[str, str] | None = None, **config: Any) -> Nad:
    """A network with one plugin, macvlan where none is named."""
    body = {"cniVersion": "1.0.0", "name": "n", "type": "macvlan", "master": "eth1", **config}
    return Nad("lab", name, json.dumps(body), annotations or {})


def asked(
    policy: NamespacePolicy,
    networks: str | list[dict[str, Any]] = "",
    *nads: Nad,
    default: str | list[dict[str, Any]] = "",
    around: Surroundings = NOTHING_KNOWN,
    devices: KnownDevices | None = None,
) -> list[Finding]:
    """The findings for a pod of namespace lab with these annotations."""
    selections = networks_annotation.parse(_text(networks), "lab")
    replaced = networks_annotation.parse_default(_text(default), "kube-system")
    known: dict[Key, Nad] = {(each.namespace, each.name): each for each in nads}
    return requests.check(PodCase(policy, selections, replaced, known, around, devices))


def written(policy: NamespacePolicy, config: str, **annotations: str) -> list[Finding]:
    """The findings for a network of namespace lab with this text."""
    return networks.check(Nad("lab", "net", config, annotations), policy)


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule.id for finding in findings]


def _text(annotation: str | list[dict[str, Any]]) -> str:
    return annotation if isinstance(annotation, str) else json.dumps(annotation)
