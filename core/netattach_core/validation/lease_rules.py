"""Leases that each node keeps for itself (host-local): a warning only where the network is known to span several nodes.

How many nodes there are decides whether two pods can get the same address, and no configuration says it.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.plugins import host_local
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation import node_needs, node_selector
from netattach_core.validation.plugin_chain import Network


class LeaseRules:
    """Those of one network and the nodes that its selector allows."""

    def __init__(self, network: Network, nad: Nad, selected: Sequence[NodeInventory]) -> None:
        self._network = network
        self._nad = nad
        self._selected = selected

    def weighted(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings of a plugin, with those about leases as severe as the selected nodes make them.

        There is no finding for a network of one node, and advice where no inventory says how many nodes there are.
        """
        for finding in findings:
            if finding.rule is not host_local.LEASES_PER_NODE:
                yield finding
            elif not self._on_one_node:
                yield finding if self._selected else dataclasses.replace(finding, severity=Severity.ADVICE)

    @functools.cached_property
    def _on_one_node(self) -> bool:
        """Asked once for all plugins: a chain may have hundreds of them, and a cluster thousands of nodes."""
        if node_selector.keeps_on_one_node(self._nad, self._selected):
            return True
        return bool(self._selected) and not self._spans_nodes()

    def _spans_nodes(self) -> bool:
        """Whether more than one node has the interface of the chain's first plugin, or may have it."""
        name = next((need.name for need in node_needs.interfaces(self._network.entries[0])), "")
        having = (node for node in self._selected if not name or not node.interfaces or node.interface(name))
        return len(list(itertools.islice(having, 2))) > 1
