"""The rules about what a pod requests of its networks. Admission asks for each new pod, the daemon at each ADD."""

from __future__ import annotations

from collections.abc import Callable

from netattach_core.policy import (
    cni_args,
    default_network,
    devices,
    host_addresses,
    host_ports,
    limits,
    requested_addresses,
    severities,
)
from netattach_core.policy.case import Findings, PodCase
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Rule

__all__ = ["RULES", "PodCase", "check"]

Check = Callable[[PodCase], Findings]

_CHECKS: tuple[tuple[Level, Check], ...] = (
    (Level.BASELINE, limits.check_pod),
    (Level.BASELINE, host_ports.check_pod),
    (Level.RESTRICTED, host_ports.check_restricted_pod),
    (Level.BASELINE, devices.check_pod),
    (Level.BASELINE, cni_args.check_pod),
    (Level.RESTRICTED, cni_args.check_restricted_pod),
    (Level.BASELINE, host_addresses.check_pod),
    (Level.RESTRICTED, requested_addresses.check_restricted_pod),
    (Level.RESTRICTED, default_network.check_pod),
)

RULES: tuple[Rule, ...] = (
    limits.NETWORKS,
    host_ports.RULE,
    devices.RULE,
    cni_args.RULE,
    requested_addresses.RULE,
    default_network.RULE,
)


def check(case: PodCase) -> list[Finding]:
    """The findings for a pod's requests, each with the severity that the policy of its namespace gives it."""
    return severities.findings(_CHECKS, case, case.policy)
