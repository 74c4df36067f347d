"""Limits: each plugin of each network is a process that runs as root for each pod."""

from __future__ import annotations

from netattach_core.api import networks_annotation
from netattach_core.policy.case import Findings, NetworkCase, PodCase, ask, rule
from netattach_core.text.finding import Finding

PLUGINS = rule("policy-too-many-plugins", "more plugins in a network than the limit")
NETWORKS = rule("policy-too-many-networks", "more networks for a pod than the limit")

RULES = (PLUGINS,)


def check_network(case: NetworkCase) -> Findings:
    """More plugins than `policy.limits.pluginsPerNetwork`."""
    count, limit = len(case.network.entries), case.policy.limits.plugins_per_network
    if count <= limit:
        return
    problem = f"the network has {count} plugins, and the limit is {limit}: each runs as root on the node, for each pod"
    fix = f"remove plugins, or {ask(case.policy, f'raise policy.limits.pluginsPerNetwork to {count}')}"
    yield Finding(PLUGINS, ("plugins",), problem, fix, case.network.entries[limit].raw.node.start)


def check_pod(case: PodCase) -> Findings:
    """More networks than `policy.limits.networksPerPod`; the cluster's `defaultNetworks` are the owner's and do not count."""
    count, limit = len(case.networks), case.policy.limits.networks_per_pod
    if count <= limit:
        return
    problem = (
        f"the pod requests {count} networks, and the limit is {limit}: each runs plugins as root on the node"
    )
    fix = f"request fewer networks, or {ask(case.policy, f'raise policy.limits.networksPerPod to {count}')}"
    yield Finding(NETWORKS, (networks_annotation.NETWORKS, limit), problem, fix)
