"""The rules about a network, by level. Admission asks when a NetworkAttachmentDefinition is applied, the daemon at each ADD."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netattach_core.api.nad import Nad
from netattach_core.policy import (
    default_interface,
    devices,
    exemptions,
    host_addresses,
    host_ports,
    lease_stores,
    limits,
    severities,
)
from netattach_core.policy.case import NOTHING_KNOWN, Findings, NetworkCase, Surroundings
from netattach_core.policy.default_interface import DEFAULT_INTERFACE
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import cluster_rules, plugin_chain, syntax_rules

Check = Callable[[NetworkCase], Findings]

_CHECKS: tuple[tuple[Level, Check], ...] = (
    (Level.BASELINE, limits.check_network),
    (Level.BASELINE, default_interface.check_network),
    (Level.BASELINE, host_addresses.check_network),
    (Level.BASELINE, lease_stores.check_network),
    (Level.RESTRICTED, lease_stores.check_copies),
    (Level.BASELINE, exemptions.check_network),
    (Level.BASELINE, host_ports.check_network),
    (Level.RESTRICTED, host_ports.check_restricted_network),
    (Level.BASELINE, devices.check_network),
)

RULES: tuple[Rule, ...] = (
    *limits.RULES,
    *default_interface.RULES,
    *host_addresses.RULES,
    *lease_stores.RULES,
    *exemptions.RULES,
)
"""Rules about networks alone; `requests` has those about both."""


def check(nad: Nad, policy: NamespacePolicy, around: Surroundings = NOTHING_KNOWN) -> list[Finding]:
    """The findings for a NAD, each with the severity that its namespace's policy gives it.

    None for a text that cannot be parsed, which no plugin gets. Raises nothing, whatever the text is.
    """
    if policy.strictest is Level.PRIVILEGED:
        return []
    _, root = syntax_rules.read(nad.config)
    if root is None:
        return []
    case = NetworkCase(nad, root, plugin_chain.read(root, nad), policy, around)
    return severities.findings(_CHECKS, case, policy)


_REPLACES = {
    host_addresses.CLUSTER_ADDRESS: cluster_rules.CLUSTER_SUBNET,
    lease_stores.LEASE_STORE: cluster_rules.LEASES_SHARED,
}
"""Rules of policy, and the warnings of the validator about the same."""


def without_duplicates(
    validated: Sequence[Finding], of_policy: Sequence[Finding]
) -> tuple[list[Finding], list[Finding]]:
    """The findings of the validator and of policy, so that one mistake has one finding: the one that denies.

    Policy's about an interface that the validator denies at the same place is left out, and the validator's warnings about what
    policy denies.
    """
    denied = {each.path for each in validated if each.effective_severity is Severity.DENY}
    kept = [each for each in of_policy if each.rule is not DEFAULT_INTERFACE or each.path not in denied]
    replaced = {_REPLACES.get(each.rule) for each in kept if each.effective_severity is Severity.DENY}
    return [each for each in validated if each.rule not in replaced], kept
