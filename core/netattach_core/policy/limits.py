"""Limits: each plugin of each network is a process that runs as root for each pod."""

from __future__ import annotations

from netattach_core.policy.case import Findings, NetworkCase, ask, rule
from netattach_core.text.finding import Finding

PLUGINS = rule("policy-too-many-plugins", "more plugins in a network than the limit")

RULES = (PLUGINS,)


def check_network(case: NetworkCase) -> Findings:
    """More plugins than `policy.limits.pluginsPerNetwork`."""
    count, limit = len(case.network.entries), case.policy.limits.plugins_per_network
    if count <= limit:
        return
    problem = f"the network has {count} plugins, and the limit is {limit}: each runs as root on the node, for each pod"
    fix = f"remove plugins, or {ask(case.policy, f'raise policy.limits.pluginsPerNetwork to {count}')}"
    yield Finding(PLUGINS, ("plugins",), problem, fix, case.network.entries[limit].raw.node.start)
