"""The nodes on which a network is used: the label selector in the NAD's annotation `netattach.io/node-selector`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netattach_core.api import label_selector
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import NODE_SELECTOR, Nad
from netattach_core.text.finding import Finding, Rule, Severity

SELECTOR_UNREADABLE = Rule("node-selector-unreadable", Severity.DENY, "a node selector that cannot be parsed")
SELECTOR_EMPTY = Rule("node-selector-empty", Severity.WARN, "a node selector that no node matches")

RULES = (SELECTOR_UNREADABLE, SELECTOR_EMPTY)


def selected(nad: Nad, nodes: Sequence[NodeInventory]) -> Sequence[NodeInventory]:
    """The nodes that match the NAD's selector; all of them without a selector or with one that cannot be parsed."""
    requirements = (
        label_selector.parse(nad.annotations.get(NODE_SELECTOR, "").strip())
        if NODE_SELECTOR in nad.annotations
        else ()
    )
    if not requirements:
        return nodes
    return [node for node in nodes if all(each.met(node.labels) for each in requirements)]


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
