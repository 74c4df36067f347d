"""Why a network is attached on no node, as readiness counts it; and whether it may use a node's default interface.

What depends on the node is left to readiness: an interface that only some nodes lack does not make the others unready.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, NODE_SELECTOR, Nad
from netattach_core.policy.default_interface import DEFAULT_INTERFACE
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.readiness.index import Network
from netattach_core.readiness.node_reasons import Demand
from netattach_core.readiness.reason import Code, Reason
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import nad_status, node_needs, node_rules, node_selector
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.settings import ValidationSettings

_PER_NODE = frozenset({*node_rules.RULES, *node_selector.RULES})
_MAX_PROBLEM = 120


def network(
    nad: Nad,
    findings: Sequence[Finding],
    of_policy: Sequence[Finding],
    settings: ValidationSettings,
    policy: NamespacePolicy,
) -> Network:
    """The network for readiness. `nad` has the annotations that policy honours, `findings` are those of the validator."""
    needs = node_needs.of_nad(nad)
    invalid = _reason(Code.INVALID, "the network is not valid", findings, _PER_NODE)
    per_node = {DEFAULT_INTERFACE} if needs.interfaces else set[Rule]()
    return Network(
        Demand(needs, default_refused=_refuses_default(nad, settings, policy)),
        nad.annotations.get(NODE_SELECTOR),
        invalid or _reason(Code.NOT_PERMITTED, "policy does not permit the network", of_policy, per_node),
    )


def _reason(code: Code, what: str, findings: Sequence[Finding], per_node: Collection[Rule]) -> Reason | None:
    denials = (each for each in findings if each.effective_severity is Severity.DENY)
    first = next((each for each in denials if each.rule not in per_node), None)
    return None if first is None else Reason(code, f"{what}: {nad_status.cut(first.problem, _MAX_PROBLEM)}")


def _refuses_default(nad: Nad, settings: ValidationSettings, policy: NamespacePolicy) -> bool:
    """By policy, which each daemon enforces, or by the validator."""
    if policy.enforce >= Level.BASELINE:
        return True
    allowed = nad.annotations.get(ALLOW_DEFAULT_INTERFACE) == "true"
    return not allowed and _denies(node_rules.MASTER_DEFAULT, settings, nad.namespace)


def _denies(rule: Rule, settings: ValidationSettings, namespace: str) -> bool:
    return validation_settings.severity(rule, settings, namespace) is Severity.DENY
