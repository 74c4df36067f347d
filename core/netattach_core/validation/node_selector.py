"""The nodes on which a network is used: the label selector in the NAD's annotation `netattach.io/node-selector`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netattach_core.api import label_selector
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.label_selector import Requirement
from netattach_core.api.nad import NODE_SELECTOR, Nad
from netattach_core.net.names import shown
from netattach_core.text.finding import Finding, Rule, Severity

SELECTOR_UNREADABLE = Rule("node-selector-unreadable", Severity.DENY, "a node selector that cannot be parsed")
SELECTOR_EMPTY = Rule("node-selector-empty", Severity.WARN, "a node selector that no node matches")

RULES = (SELECTOR_UNREADABLE, SELECTOR_EMPTY)

_HOSTNAME = "kubernetes.io/hostname"


def requirements(nad: Nad) -> Sequence[Requirement]:
    """Those of the NAD's selector; none without a selector or with one that cannot be parsed."""
    if NODE_SELECTOR not in nad.annotations:
        return ()
    return label_selector.parse(nad.annotations.get(NODE_SELECTOR, "").strip()) or ()


def selected(nad: Nad, nodes: Sequence[NodeInventory]) -> Sequence[NodeInventory]:
    """The nodes that match the NAD's selector; all of them without a selector or with one that cannot be parsed."""
    wanted = requirements(nad)
    return [node for node in nodes if all(each.met(node.labels) for each in wanted)] if wanted else nodes


def keeps_on_one_node(nad: Nad, selected: Sequence[NodeInventory]) -> bool:
    """Whether the NAD's selector allows a single node: one of those that are known, or the one that it names."""
    wanted = requirements(nad)
    if not wanted:
        return False
    named = (each.values for each in wanted if each.key == _HOSTNAME and each.holds and each.values)
    return len(selected) == 1 or any(len(values) == 1 for values in named)


def refusal(nad: Nad, node: str, labels: Mapping[str, str]) -> str | None:
    """Why a node with these labels must not attach the network, None where it may. A selector that cannot be parsed has no node.

    Names what the selector requires, and no label of the node: its author may not be allowed to read those.
    """
    text = nad.annotations.get(NODE_SELECTOR)
    if text is None:
        return None
    requirements = label_selector.parse(text.strip())
    if requirements is None:
        return (
            f"network {nad.full_name}: its annotation {NODE_SELECTOR} {shown(text)!r} is not a label selector, so no node uses "
            "it; use the syntax of kubectl: network=fast,!virtual or zone in (a, b)"
        )
    unmet = [each.text for each in requirements if not each.met(labels)]
    if not unmet:
        return None
    return (
        f"network {nad.full_name}: it is not used on node {node}, whose labels do not match {' and '.join(unmet)} of its "
        f"annotation {NODE_SELECTOR}; give the pod a nodeSelector for nodes that match, or label the node"
    )


def check(nad: Nad, nodes: Sequence[NodeInventory]) -> Iterator[Finding]:
    """Validates the annotation itself."""
    text = nad.annotations.get(NODE_SELECTOR)
    if text is None:
        return
    path = ("metadata", "annotations", NODE_SELECTOR)
    if label_selector.parse(text.strip()) is None:
        problem = (
            f"{text!r} is not a label selector, so the network cannot be validated for the nodes that use it"
        )
        fix = "use the syntax of kubectl: network=fast,!virtual or zone in (a, b)"
        yield Finding(SELECTOR_UNREADABLE, path, problem, fix)
    elif nodes and not selected(nad, nodes):
        problem = f"no node has labels that match {text!r}: the network is not validated for any node"
        yield Finding(
            SELECTOR_EMPTY,
            path,
            problem,
            "correct the selector, or the labels (`kubectl get nodes --show-labels`)",
        )
