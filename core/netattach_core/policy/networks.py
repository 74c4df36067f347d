"""The rules about a network, by level. Admission asks when a NetworkAttachmentDefinition is applied, the daemon at each ADD."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from netattach_core.api.nad import Nad
from netattach_core.policy import (
    allow_lists,
    default_interface,
    devices,
    exemptions,
    host_addresses,
    host_credentials,
    host_firewall,
    host_paths,
    host_ports,
    lease_stores,
    limits,
    severities,
    sysctls,
)
from netattach_core.policy.case import NOTHING_KNOWN, Findings, NetworkCase, Surroundings
from netattach_core.policy.default_interface import DEFAULT_INTERFACE
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.validation import cluster_rules, node_rules, plugin_chain
from netattach_core.validation.memoize import cache_texts

Check = Callable[[NetworkCase], Findings]

_LIMITS: tuple[tuple[Level, Check], ...] = ((Level.BASELINE, limits.check_network),)

_TEXT_CHECKS: tuple[tuple[Level, Check], ...] = (
    (Level.BASELINE, host_paths.check_network),
    (Level.BASELINE, host_credentials.check_network),
    (Level.BASELINE, sysctls.check_network),
    (Level.BASELINE, host_firewall.check_network),
    (Level.BASELINE, host_ports.check_network),
    (Level.RESTRICTED, host_ports.check_restricted_network),
    (Level.BASELINE, devices.check_network),
    (Level.RESTRICTED, allow_lists.check_network),
)
"""Those that look at nothing but the configuration, so that their findings are cached."""

_CHECKS: tuple[tuple[Level, Check], ...] = (
    (Level.BASELINE, default_interface.check_network),
    (Level.BASELINE, host_addresses.check_network),
    (Level.BASELINE, lease_stores.check_network),
    (Level.RESTRICTED, lease_stores.check_copies),
    (Level.BASELINE, exemptions.check_network),
)
"""Those that look at annotations and surroundings, too."""

_EMPTY_CHECKS = ((Level.RESTRICTED, allow_lists.check_node_file),)

RULES: tuple[Rule, ...] = (
    *limits.RULES,
    *host_paths.RULES,
    *host_credentials.RULES,
    *sysctls.RULES,
    *host_firewall.RULES,
    *allow_lists.RULES,
    *default_interface.RULES,
    *host_addresses.RULES,
    *lease_stores.RULES,
    *exemptions.RULES,
)
"""Rules about networks alone; `requests` has those about both."""

_CACHED = 512
"""Networks; all pods of a node use the same few."""


def check(nad: Nad, policy: NamespacePolicy, around: Surroundings = NOTHING_KNOWN) -> list[Finding]:
    """The findings for a NAD, each with the severity that its namespace's policy gives it.

    None for a text that cannot be parsed, which no plugin gets. Raises nothing, whatever the text is.
    """
    if policy.strictest is Level.PRIVILEGED:
        return []
    if not nad.config.strip():
        return severities.findings(_EMPTY_CHECKS, allow_lists.Unconfigured(nad, policy), policy)
    found = [*_of_text(nad.config, nad.namespace, nad.name, policy)]
    if _is_too_long(found):
        return found
    if (case := _case(nad, policy, around)) is not None:
        found += severities.findings(_CHECKS, case, policy)
    return found


@cache_texts(_CACHED)
def _of_text(config: str, namespace: str, name: str, policy: NamespacePolicy) -> tuple[Finding, ...]:
    case = _case(Nad(namespace, name, config), policy, NOTHING_KNOWN)
    if case is None:
        return ()
    found = severities.findings(_LIMITS, case, policy)
    if not _is_too_long(found):
        found += severities.findings(_TEXT_CHECKS, case, policy)
    return tuple(found)


def _is_too_long(found: Sequence[Finding]) -> bool:
    """Whether the chain is refused for its length: its author may have written ten thousand plugins, so that is all to say."""
    return any(each.rule is limits.PLUGINS and each.effective_severity is Severity.DENY for each in found)


def _case(nad: Nad, policy: NamespacePolicy, around: Surroundings) -> NetworkCase | None:
    parsed = plugin_chain.of_nad(nad)
    return NetworkCase(nad, *parsed, policy, around) if parsed is not None else None


_REPLACES = {
    host_addresses.CLUSTER_ADDRESS: cluster_rules.CLUSTER_SUBNET,
    lease_stores.LEASE_STORE: cluster_rules.LEASES_SHARED,
}
"""Rules of policy, and the warnings of the validator about the same."""


def without_duplicates(
    validated: Sequence[Finding], of_policy: Sequence[Finding]
) -> tuple[list[Finding], list[Finding]]:
    """The findings of the validator and of policy, so that one mistake has one finding: the one that denies.

    Policy's about an interface that the validator denies at the same place, or warns of too, is left out, and so are the
    validator's warnings about what policy denies.
    """
    denied = {each.path for each in validated if each.effective_severity is Severity.DENY}
    warned = {each.path for each in validated if each.rule is node_rules.MASTER_DEFAULT}
    kept = [each for each in of_policy if not _is_reported(each, denied, warned)]
    replaced = {_REPLACES.get(each.rule) for each in kept if each.effective_severity is Severity.DENY}
    return [each for each in validated if each.rule not in replaced], kept


def _is_reported(finding: Finding, denied: Collection[Path], warned: Collection[Path]) -> bool:
    only_warns = finding.effective_severity is not Severity.DENY
    return finding.rule is DEFAULT_INTERFACE and (
        finding.path in denied or (only_warns and finding.path in warned)
    )
