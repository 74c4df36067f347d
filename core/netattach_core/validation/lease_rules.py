"""Leases that each node keeps for itself (host-local): a warning only where the network is known to span several nodes.

How many nodes there are decides whether two pods can get the same address, and no configuration says it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.plugins import host_local
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation import node_needs, node_selector
from netattach_core.validation.plugin_chain import Entry


def weighted(
    findings: Iterable[Finding], first: Entry, nad: Nad, selected: Sequence[NodeInventory]
) -> Iterator[Finding]:
    """The findings of a plugin, with those about leases as severe as the selected nodes make them.

    `first` is the first plugin of the chain, which has the interface. There is no finding for a network of one node, and advice
    where no inventory says how many nodes there are.
    """
    for finding in findings:
        if finding.rule is not host_local.LEASES_PER_NODE:
            yield finding
        elif node_selector.keeps_on_one_node(nad, selected):
            continue
        elif not selected:
            yield dataclasses.replace(finding, severity=Severity.ADVICE)
        elif _spans_nodes(first, selected):
            yield finding


def _spans_nodes(first: Entry, selected: Sequence[NodeInventory]) -> bool:
    """Whether more than one node has the interface, or may have it."""
    name = next((need.name for need in node_needs.interfaces(first)), "")
    having = [node for node in selected if not name or not node.interfaces or node.interface(name)]
    return len(having) > 1
