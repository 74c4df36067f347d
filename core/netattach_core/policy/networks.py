"""The rules about a network, by level. Admission asks when a NetworkAttachmentDefinition is applied, the daemon at each ADD."""

from __future__ import annotations

from collections.abc import Callable

from netattach_core.api.nad import Nad
from netattach_core.policy import allow_lists, host_firewall, host_paths, limits, severities, sysctls
from netattach_core.policy.case import NOTHING_KNOWN, Findings, NetworkCase, Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Rule
from netattach_core.validation import plugin_chain, syntax_rules

Check = Callable[[NetworkCase], Findings]

_CHECKS: tuple[tuple[Level, Check], ...] = (
    (Level.BASELINE, limits.check_network),
    (Level.BASELINE, host_paths.check_network),
    (Level.BASELINE, sysctls.check_network),
    (Level.BASELINE, host_firewall.check_network),
    (Level.RESTRICTED, allow_lists.check_network),
)
_EMPTY_CHECKS = ((Level.RESTRICTED, allow_lists.check_node_file),)

RULES: tuple[Rule, ...] = (
    *limits.RULES,
    *host_paths.RULES,
    *sysctls.RULES,
    *host_firewall.RULES,
    *allow_lists.RULES,
)


def check(nad: Nad, policy: NamespacePolicy, around: Surroundings = NOTHING_KNOWN) -> list[Finding]:
    """The findings for a NAD, each with the severity that its namespace's policy gives it.

    None for a text that cannot be parsed, which no plugin gets. Raises nothing, whatever the text is.
    """
    if policy.strictest is Level.PRIVILEGED:
        return []
    if not nad.config.strip():
        return severities.findings(_EMPTY_CHECKS, allow_lists.Unconfigured(nad, policy), policy)
    _, root = syntax_rules.read(nad.config)
    if root is None:
        return []
    case = NetworkCase(nad, root, plugin_chain.read(root, nad), policy, around)
    return severities.findings(_CHECKS, case, policy)
