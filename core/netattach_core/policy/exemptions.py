"""Annotations by which an author exempts his own network from safety rules, and which authors may do so.

Only those of a namespace in which policy refuses nothing: elsewhere a rule that its author can switch off would protect nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, Nad
from netattach_core.policy.case import Findings, NetworkCase, ask
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import node_selector

WARN = Severity.WARN

SELF_EXEMPTION = Rule(
    "policy-self-exemption", WARN, "an annotation that exempts a network from a safety rule", policy=True
)

RULES = (SELF_EXEMPTION,)

TRUST = "give this namespace the level privileged in policy.namespaces"


def honoured(body: Mapping[str, Any], policy: NamespacePolicy) -> Mapping[str, Any]:
    """A NAD's object as the validator has to see it: without the exemptions that its author may not make.

    `body` is of any shape. Where policy only warns, the annotation keeps its effect.
    """
    metadata = body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if policy.enforce is Level.PRIVILEGED or not isinstance(annotations, Mapping):
        return body
    if ALLOW_DEFAULT_INTERFACE not in annotations:
        return body
    kept = {key: value for key, value in annotations.items() if key != ALLOW_DEFAULT_INTERFACE}
    return {**body, "metadata": {**body["metadata"], "annotations": kept}}


def nodes_of(nad: Nad, nodes: Sequence[NodeInventory]) -> Sequence[NodeInventory]:
    """The nodes that a network can be on: those of its selector, which the daemon enforces.

    All of them where the selector matches none, since labels change.
    """
    return node_selector.selected(nad, nodes) or nodes


def check_network(case: NetworkCase) -> Findings:
    """The annotation itself: without effect where policy refuses, and to be without where it warns."""
    if case.nad.annotations.get(ALLOW_DEFAULT_INTERFACE) != "true":
        return
    problem = "the annotation has no effect in this namespace: an author may not exempt his own network"
    fix = f"remove it, or {ask(case.policy, TRUST)}"
    path = ("metadata", "annotations", ALLOW_DEFAULT_INTERFACE)
    yield Finding(SELF_EXEMPTION, path, problem, fix, severity=WARN)
