"""Whether a node is left for a pod: one on which all its networks are ready."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.api.objects import Key
from netattach_core.readiness.reason import Reason
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.text.lists import and_more

NO_NODE = Rule("pod-no-node", Severity.WARN, "networks that are not ready together on any node")

RULES = (NO_NODE,)

RuledOut = Mapping[Key, Mapping[str, Reason]]
"""By network, the nodes on which it is not ready, each with a reason."""

_NODES, _GROUPS = 3, 5
"""Nodes that are named for one reason, and reasons, at most."""


def possible_nodes(pod: JsonObject, nodes: Mapping[str, NodeInventory]) -> Collection[str]:
    """The nodes on which a pod's author lets it run, by `nodeName` and `nodeSelector`; other constraints are not considered."""
    spec = unstructured.mapping(pod, "spec")
    chosen, selector = spec.get("nodeName"), unstructured.mapping(spec, "nodeSelector")
    if not chosen and not selector:
        return nodes.keys()
    wanted = selector.items()
    return [
        name
        for name, node in nodes.items()
        if (not chosen or name == chosen) and all(node.labels.get(key) == value for key, value in wanted)
    ]


def validate_nodes(ruled_out: RuledOut, nodes: Collection[str], namespace: str) -> Iterator[Finding]:
    """A finding where none of the nodes is left for a pod of this namespace; none while no node is known."""
    if is_no_node_left(ruled_out, nodes):
        problem = f"{no_node_left(ruled_out, nodes, namespace)}; the pod stays Pending, or cannot be attached, until one is ready"
        fix = "prepare a node for these networks; kubectl get net-attach-def --all-namespaces shows what each of them lacks"
        yield Finding(NO_NODE, (NETWORKS,), problem, fix)


def is_no_node_left(ruled_out: RuledOut, nodes: Collection[str]) -> bool:
    """Whether each node is ruled out by a network; False while no node is known."""
    return bool(nodes) and all(any(node in reasons for reasons in ruled_out.values()) for node in nodes)


def no_node_left(ruled_out: RuledOut, nodes: Collection[str], namespace: str) -> str:
    """The sentence for a pod for which no node is left, without a period."""
    reasons = "; ".join(explained(ruled_out, nodes, namespace))
    return f"no node has all networks of this pod ready: {reasons}"


def explained(ruled_out: RuledOut, nodes: Collection[str], namespace: str) -> list[str]:
    """Which network rules out which of the nodes, and why; the most frequent reasons first.

    Of a network of another namespace the reason has no details: its configuration may be none of the reader's business.
    """
    wanted = nodes if isinstance(nodes, AbstractSet) else frozenset(nodes)
    groups: defaultdict[tuple[Key, str], list[str]] = defaultdict(list)
    for network, reasons in ruled_out.items():
        for node, reason in reasons.items():
            if node in wanted:
                own = network[0] == namespace
                groups[network, reason.message if own else reason.code].append(node)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), min(group[1]), group[0]))
    texts = [
        f"{'/'.join(network)} rules out {and_more(sorted(found), _NODES)} ({why})"
        for (network, why), found in ordered[:_GROUPS]
    ]
    more = len(ordered) - _GROUPS
    return [*texts, f"and {more} more reasons"] if more > 0 else texts
