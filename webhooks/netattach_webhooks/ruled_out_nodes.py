"""On which nodes the networks of new pods are not ready, by the nodes' inventories.

Nodes with equal facts are decided on together, when a pod first asks for the network: thousands of nodes are a few kinds. Which
nodes these are is looked up only for a message: with thousands of nodes and a thousand networks, a list of the nodes of each
would be millions of names.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, Nad
from netattach_core.api.objects import Key
from netattach_core.readiness import facts, node_reasons
from netattach_core.readiness.facts import NodeFacts
from netattach_core.readiness.node_reasons import Demand
from netattach_core.readiness.reason import NOT_SELECTED, Code, Reason
from netattach_core.validation import node_needs, node_selector

_FEWEST, _MOST = 64, 1024
"""Networks that are remembered: the fewer, the more kinds of nodes there are."""

_REMEMBERED = 4096
"""Decisions about a kind of nodes for one network; more kinds than that are decided on again."""

_DECISIONS = 2**16
"""Of all networks, as long as more than the fewest are remembered."""


class _Network:
    """One network: what it needs of a node, and what was decided."""

    def __init__(self, nad: Nad) -> None:
        self.nad = nad
        self.selector = node_selector.requirements(nad)
        self._needs = node_needs.of_nad(nad)
        self._demand = Demand(self._needs, nad.annotations.get(ALLOW_DEFAULT_INTERFACE) != "true")
        self._decided: dict[NodeFacts, Reason | None] = {}

    def reason(self, kind: NodeFacts) -> Reason | None:
        """The first reason why it is not ready on nodes of a kind."""
        if kind not in self._decided:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            self._decided[kind] = self._first(kind)
        return self._decided[kind]

    def _first(self, kind: NodeFacts) -> Reason | None:
        """An interface that is moved into pods may be in one of them, and back when the new pod starts."""
        moves = any(need.moved for need in self._needs.interfaces)
        found = node_reasons.evaluate(self._demand, kind)
        return next((each for each in found if not (moves and each.code is Code.INTERFACE_MISSING)), None)


class _Nodes:
    """`by_name` all inventories, `kinds` the facts of each, `members` how many nodes are of a kind."""

    def __init__(self) -> None:
        self.by_name: dict[str, NodeInventory] = {}
        self.kinds: dict[str, NodeFacts] = {}
        self.members: Counter[NodeFacts] = Counter()
        self._same: dict[NodeFacts, NodeFacts] = {}

    def put(self, name: str, node: NodeInventory | None) -> None:
        before = self.kinds.pop(name, None)
        if before is not None:
            self.members[before] -= 1
            if not self.members[before]:
                del self.members[before], self._same[before]
        if node is None:
            self.by_name.pop(name, None)
            return
        found = facts.of_inventory(node)
        self.by_name[name] = node
        self.kinds[name] = kind = self._same.setdefault(found, found)
        self.members[kind] += 1


class _RuledOut(Mapping[str, Reason]):
    """The nodes on which one network is not ready, with the first reason; looked up when asked for."""

    def __init__(self, network: _Network, nodes: _Nodes) -> None:
        self._network = network
        self._nodes = nodes

    def __getitem__(self, name: str) -> Reason:
        reason = self._reason(name) if name in self._nodes.by_name else None
        if reason is None:
            raise KeyError(name)
        return reason

    def __iter__(self) -> Iterator[str]:
        if self._network.selector or any(self._network.reason(kind) for kind in self._nodes.members):
            yield from (name for name in self._nodes.by_name if self._reason(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _reason(self, name: str) -> Reason | None:
        selector, node = self._network.selector, self._nodes.by_name[name]
        if selector and not all(each.met(node.labels) for each in selector):
            return NOT_SELECTED
        return self._network.reason(self._nodes.kinds[name])


class RuledOutNodes:
    """`put` has to be called with each inventory that changes, None for one that is gone."""

    def __init__(self) -> None:
        self._nodes = _Nodes()
        self._networks: OrderedDict[Key, _Network] = OrderedDict()

    @property
    def nodes(self) -> Mapping[str, NodeInventory]:
        """All, by name."""
        return self._nodes.by_name

    def put(self, name: str, node: NodeInventory | None) -> None:
        self._nodes.put(name, node)

    def of(self, nads: Sequence[Nad]) -> Mapping[Key, Mapping[str, Reason]]:
        """By network, the nodes on which it is not ready, each with the first reason, until the next change of a node."""
        return {(nad.namespace, nad.name): _RuledOut(self._known(nad), self._nodes) for nad in nads}

    def _known(self, nad: Nad) -> _Network:
        """The record of this version of the NAD; the one that was asked for least recently makes room."""
        key = (nad.namespace, nad.name)
        network = self._networks.pop(key, None)
        if network is None or (network.nad.config, network.nad.annotations) != (nad.config, nad.annotations):
            network = _Network(nad)
        self._networks[key] = network
        while len(self._networks) > self._most():
            self._networks.popitem(last=False)
        return network

    def _most(self) -> int:
        return max(_FEWEST, min(_MOST, _DECISIONS // max(1, len(self._nodes.members))))
