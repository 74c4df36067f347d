"""The rules about what a pod requests of its networks. Admission asks for each new pod, the daemon at each ADD."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.policy import severities
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


Check = Callable[[PodCase], Findings]

_CHECKS: tuple[tuple[Level, Check], ...] = ((Level.BASELINE, _limit),)

RULES: tuple[Rule, ...] = (TOO_MANY,)


def check(case: PodCase) -> list[Finding]:
    """The findings for a pod's requests, each with the severity that the policy of its namespace gives it."""
    return severities.findings(_CHECKS, case, case.policy)
