"""The default network of a pod, on which the cluster's own policies (NetworkPolicy, Services) rely."""

from __future__ import annotations

from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_core.policy.case import Findings, PodCase, ask, rule
from netattach_core.text.finding import Finding

RULE = rule("policy-default-network", "another default network for a pod of a restricted namespace")

RULES = (RULE,)


def check_pod(case: PodCase) -> Findings:
    """The annotation `v1.multus-cni.io/default-network` at all.

    Under baseline isolation alone applies, and the network is subject to the rules of its own namespace.
    """
    if case.default is None:
        return
    problem = (
        f"network {case.default.full_name} would replace the node's default network, on which the cluster's network policies "
        f"rely, and namespace {case.policy.namespace!r} is restricted"
    )
    fix = (
        f"remove the annotation, or {ask(case.policy, 'give it the level baseline under policy.namespaces')}"
    )
    yield Finding(RULE, (DEFAULT_NETWORK,), problem, fix)
