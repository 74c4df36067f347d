"""Host ports: a pod may not get by an annotation what Pod Security refuses in its spec.

Pod Security forbids `hostPort` from level baseline on (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
"""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.policy.case import Findings, NetworkCase, PodCase, ask, rule
from netattach_core.policy.levels import ENFORCE_LABEL, NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Path
from netattach_core.text.json_document import Node

RULE = rule("policy-host-port", "a port of the node for a pod whose namespace may have none")

RULES = (RULE,)

_KEY = "portMappings"


def check_pod(case: PodCase) -> Findings:
    """Port mappings where Pod Security refuses host ports in the pods of the namespace."""
    if _forbidden_by_pod_security(case.policy):
        yield from _requested(case, *_by_pod_security(case.policy))


def check_restricted_pod(case: PodCase) -> Findings:
    """Port mappings under `restricted`, whatever Pod Security says."""
    if not _forbidden_by_pod_security(case.policy):
        yield from _requested(case, *_by_level(case.policy))


def check_network(case: NetworkCase) -> Findings:
    """As `check_pod`, for port mappings that a network brings along in a part that one plugin passes to another."""
    if _forbidden_by_pod_security(case.policy):
        yield from _static(case, *_by_pod_security(case.policy))


def check_restricted_network(case: NetworkCase) -> Findings:
    """As `check_restricted_pod`, for port mappings that a network brings along."""
    if not _forbidden_by_pod_security(case.policy):
        yield from _static(case, *_by_level(case.policy))


def _forbidden_by_pod_security(policy: NamespacePolicy) -> bool:
    return policy.pod_security >= Level.BASELINE


def _by_pod_security(policy: NamespacePolicy) -> tuple[str, str]:
    reason = f"the label {ENFORCE_LABEL}={policy.pod_security.text} of namespace {policy.namespace!r} refuses host ports"
    return (
        reason,
        f"ask your cluster's owner to set {ENFORCE_LABEL}=privileged on namespace {policy.namespace!r}",
    )


def _by_level(policy: NamespacePolicy) -> tuple[str, str]:
    reason = f"namespace {policy.namespace!r} is restricted"
    return reason, ask(policy, "give it the level baseline under policy.namespaces")


def _requested(case: PodCase, reason: str, owner: str) -> Iterator[Finding]:
    for path, selection in case.selections():
        for index, mapping in enumerate(selection.port_mappings):
            problem = f"port {mapping['hostPort']} of the node is forwarded to the pod, and {reason}"
            fix = f"remove `{_KEY}` and expose the port by a Service, or {owner}"
            yield Finding(RULE, (*path, _KEY, index), problem, fix)


def _static(case: NetworkCase, reason: str, owner: str) -> Iterator[Finding]:
    """The daemon removes `runtimeConfig` from a plugin's config, but flannel passes that of `delegate` on."""
    for raw in (plugin.entry.raw for plugin in case.plugins if _KEY.casefold() in plugin.keys):
        for member in raw.node.members:
            for path, node in _port_mappings(member.node, (*raw.path, member.key)):
                problem = f"the network forwards ports of the node to its pods, and {reason}"
                yield Finding(RULE, path, problem, f"remove `{_KEY}`, or {owner}", node.start)


def _port_mappings(node: Node, path: Path, *, within: bool = False) -> Iterator[tuple[Path, Node]]:
    """Each `runtimeConfig.portMappings` at any depth, with its path; keys in any case, as Go reads them."""
    for member in node.members:
        key, below = member.key.casefold(), (*path, member.key)
        if within and key == "portmappings" and member.node.value:
            yield below, member.node
        yield from _port_mappings(member.node, below, within=key == "runtimeconfig")
    for index, item in enumerate(node.items):
        yield from _port_mappings(item, (*path, index))
