"""On which nodes the networks of new pods are not ready, by the nodes' inventories.

Computed for a network when a pod first asks for it, and then again for the nodes whose inventory has changed. Nodes with equal
facts are decided on together: thousands of nodes are a few kinds.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, NODE_SELECTOR, Nad
from netattach_core.api.objects import Key
from netattach_core.readiness import facts, node_reasons
from netattach_core.readiness.facts import NodeFacts
from netattach_core.readiness.node_reasons import Demand
from netattach_core.readiness.reason import NOT_SELECTED, Code, Reason
from netattach_core.validation import node_needs, node_selector

_MOST = 64
"""Networks that are remembered: in a cluster of 5,000 nodes, one that is ready nowhere takes half a megabyte."""

_REMEMBERED = 4096
"""Decisions about a kind of nodes for one network; more kinds than that are decided on again."""


class _Network:
    """One network: the reasons by node, and the nodes that have to be looked at first."""

    def __init__(self, nad: Nad, nodes: Iterable[str]) -> None:
        self.nad = nad
        self.reasons: dict[str, Reason] = {}
        self.stale = set(nodes)
        self._needs = node_needs.of_nad(nad)
        self._demand = Demand(self._needs, nad.annotations.get(ALLOW_DEFAULT_INTERFACE) != "true")
        self._decided: dict[NodeFacts, Reason | None] = {}

    def reason(self, node: NodeInventory, known: NodeFacts) -> Reason | None:
        """The first reason why it is not ready on a node."""
        if NODE_SELECTOR in self.nad.annotations and not node_selector.selected(self.nad, [node]):
            return NOT_SELECTED
        if known not in self._decided:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            self._decided[known] = self._first(known)
        return self._decided[known]

    def _first(self, known: NodeFacts) -> Reason | None:
        """An interface that is moved into pods may be in one of them, and back when the new pod starts."""
        moves = any(need.moved for need in self._needs.interfaces)
        found = node_reasons.evaluate(self._demand, known)
        return next((each for each in found if not (moves and each.code is Code.INTERFACE_MISSING)), None)


class RuledOutNodes:
    """`put` has to be called with each inventory that changes, None for one that is gone."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeInventory] = {}
        self._facts: dict[str, NodeFacts] = {}
        self._kinds: dict[NodeFacts, NodeFacts] = {}
        self._members: Counter[NodeFacts] = Counter()
        self._networks: OrderedDict[Key, _Network] = OrderedDict()

    @property
    def nodes(self) -> Mapping[str, NodeInventory]:
        """All, by name."""
        return self._nodes

    def put(self, name: str, node: NodeInventory | None) -> None:
        before = self._facts.pop(name, None)
        if before is not None:
            self._members[before] -= 1
            if not self._members[before]:
                del self._members[before], self._kinds[before]
        if node is None:
            self._nodes.pop(name, None)
        else:
            self._nodes[name] = node
            found = facts.of_inventory(node)
            self._facts[name] = kind = self._kinds.setdefault(found, found)
            self._members[kind] += 1
        for network in self._networks.values():
            network.stale.add(name)

    def of(self, nads: Sequence[Nad]) -> Mapping[Key, Mapping[str, Reason]]:
        """By network, the nodes on which it is not ready, each with the first reason."""
        return {(nad.namespace, nad.name): self._of(nad) for nad in nads}

    def _of(self, nad: Nad) -> Mapping[str, Reason]:
        network = self._known(nad)
        while network.stale:
            name = network.stale.pop()
            node = self._nodes.get(name)
            found = network.reason(node, self._facts[name]) if node else None
            if found is None:
                network.reasons.pop(name, None)
            else:
                network.reasons[name] = found
        return network.reasons

    def _known(self, nad: Nad) -> _Network:
        """The record of this version of the NAD; the one that was asked for least recently makes room."""
        key = (nad.namespace, nad.name)
        network = self._networks.pop(key, None)
        if network is None or (network.nad.config, network.nad.annotations) != (nad.config, nad.annotations):
            network = _Network(nad, self._nodes)
        self._networks[key] = network
        if len(self._networks) > _MOST:
            self._networks.popitem(last=False)
        return network
