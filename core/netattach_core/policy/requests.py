"""The rules about what a pod requests of its networks. Admission asks for each new pod, the daemon at each ADD."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
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
from netattach_core.policy.case import NOTHING_KNOWN, Findings, Surroundings, ask, rule
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Rule


@dataclass(frozen=True, slots=True)
class PodCase:
    """A pod's request: `default` replaces the default network, `networks` are the secondary ones, in the annotation's order.

    `nads` are those of the requested networks that exist; `policy` is that of the pod's namespace.
    """

    policy: NamespacePolicy
    networks: Sequence[NetworkSelection] = ()
    default: NetworkSelection | None = None
    nads: Mapping[Key, Nad] = field(default_factory=dict)
    around: Surroundings = NOTHING_KNOWN


TOO_MANY = rule("policy-too-many-networks", "more networks for a pod than the limit")


def _limit(case: PodCase) -> Findings:
    count, limit = len(case.networks), case.policy.limits.networks_per_pod
    if count <= limit:
        return
    problem = (
        f"the pod requests {count} networks, and the limit is {limit}: each runs plugins as root on the node"
    )
    fix = f"request fewer networks, or {ask(case.policy, f'raise policy.limits.networksPerPod to {count}')}"
    yield Finding(TOO_MANY, (NETWORKS, limit), problem, fix)


def _cluster_addresses(case: PodCase) -> Findings:
    placed = [((NETWORKS, index), selection) for index, selection in enumerate(case.networks)]
    placed += [((DEFAULT_NETWORK, 0), case.default)] if case.default else []
    for at, selection in placed:
        nad = case.nads.get((selection.namespace, selection.name))
        if nad is not None:
            yield from host_addresses.check_request(nad, selection, case.policy, case.around, at)


Check = Callable[[PodCase], Findings]

_CHECKS: tuple[tuple[Level, Check], ...] = (
    (Level.BASELINE, _limit),
    (Level.BASELINE, _cluster_addresses),
    (Level.BASELINE, limits.check_pod),
    (Level.BASELINE, host_ports.check_pod),
    (Level.RESTRICTED, host_ports.check_restricted_pod),
    (Level.BASELINE, devices.check_pod),
    (Level.BASELINE, cni_args.check_pod),
    (Level.RESTRICTED, cni_args.check_restricted_pod),
    (Level.BASELINE, requested_addresses.check_pod),
    (Level.RESTRICTED, requested_addresses.check_restricted_pod),
    (Level.RESTRICTED, default_network.check_pod),
)

RULES: tuple[Rule, ...] = (
    TOO_MANY,
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
