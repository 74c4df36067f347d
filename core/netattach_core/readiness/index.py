"""On which nodes each network is ready, kept up to date by one change after the other.

A cluster may have a thousand networks and five thousand nodes, and a pair of both must not cost an object. So a set of nodes is
an integer with one bit for each node; networks with the same needs, and nodes with the same facts, are decided on together.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netattach_core.api import label_selector
from netattach_core.api.label_selector import Requirement
from netattach_core.api.objects import Key
from netattach_core.readiness import node_reasons
from netattach_core.readiness.facts import NodeFacts
from netattach_core.readiness.node_reasons import Demand
from netattach_core.readiness.reason import DAEMON_NOT_READY, NO_INVENTORY, Code, Reason

_REMEMBERED = 65536
"""Decisions about a demand and a kind of node."""

_REMEMBERED_SETS = 256
"""Sets of nodes whose first names are known."""

_EXAMPLES = 3

_OS = "kubernetes.io/os"
"""The label of the node's operating system, which the kubelet sets. No daemon runs on others than Linux."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network as readiness sees it.

    `selector` is its node selector in kubectl's syntax, None for all nodes. `refused` is why no node attaches it, None where
    that depends on the node.
    """

    demand: Demand
    selector: str | None = None
    refused: Reason | None = None


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node: `facts` is None without an inventory. `attached` are the networks that running pods have there."""

    labels: Mapping[str, str] = field(default_factory=dict)
    facts: NodeFacts | None = None
    daemon_ready: bool = False
    attached: frozenset[Key] = frozenset()


class Shortfall(NamedTuple):
    """A reason, the number of nodes that have it, and the first of their names."""

    reason: Reason
    nodes: int
    examples: tuple[str, ...]


class Readiness(NamedTuple):
    """How many of the nodes that a network is for are ready, and what the others lack, the most frequent reason first."""

    total: int
    ready: int
    shortfalls: tuple[Shortfall, ...]


NO_NODES = Readiness(0, 0, ())

_NONE, _DOWN, _UNREPORTED = 0, 1, 2
"""Classes of nodes: unknown ones, those without a daemon, and those without an inventory."""

_OF_CLASS: dict[int, tuple[Reason, ...]] = {
    _NONE: (),
    _DOWN: (DAEMON_NOT_READY,),
    _UNREPORTED: (NO_INVENTORY,),
}


@dataclass(slots=True)
class _Node:
    bit: int
    state: NodeState
    class_: int


@dataclass(slots=True)
class _Group:
    """Networks with one demand. `nodes` are those with a reason, whether a network selects them or not."""

    id: int
    demand: Demand
    networks: set[Key] = field(default_factory=set)
    nodes: dict[Reason, int] = field(default_factory=dict)

    @property
    def moves(self) -> bool:
        """Whether an attached pod has taken the interface from its node, which is then no reason."""
        return any(need.moved for need in self.demand.needs.interfaces)

    def assign(self, bits: int, found: tuple[Reason, ...]) -> None:
        """These nodes have exactly these reasons."""
        for reason in [each for each in self.nodes if each not in found]:
            left = self.nodes[reason] & ~bits
            if left:
                self.nodes[reason] = left
            else:
                del self.nodes[reason]
        for reason in found:
            self.nodes[reason] = self.nodes.get(reason, 0) | bits


@dataclass(slots=True)
class _Selection:
    """Networks with one selector, and the nodes that it selects."""

    requirements: tuple[Requirement, ...] | None
    networks: set[Key] = field(default_factory=set)
    nodes: int = 0

    def selects(self, labels: Mapping[str, str]) -> bool:
        """A selector that cannot be parsed selects no node: the daemon attaches such a network nowhere."""
        if labels.get(_OS, "linux") != "linux" or self.requirements is None:
            return False
        return all(each.met(labels) for each in self.requirements)


class ReadinessIndex:
    """See the docstring of the module. A change returns what it affects, so that nothing else has to be looked at."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}
        self._names: list[str] = []
        self._free: list[int] = []
        self._classes: dict[NodeFacts, int] = {}
        self._facts: dict[int, NodeFacts] = {}
        self._members: dict[int, int] = {}
        self._groups: dict[Demand, _Group] = {}
        self._selections: dict[str | None, _Selection] = {}
        self._networks: dict[Key, Network] = {}
        self._refused: set[Key] = set()
        self._attached: dict[Key, int] = {}
        self._decided: dict[tuple[int, int], tuple[Reason, ...]] = {}
        self._first_names: dict[int, tuple[str, ...]] = {}
        self._next = _UNREPORTED + 1

    def put_network(self, key: Key, network: Network) -> frozenset[str]:
        """Adds or changes a network; returns the nodes on which it is ready now and was not, or the reverse."""
        if self._networks.get(key) == network:
            return frozenset()
        before = self._unready(key)
        self._discard(key)
        self._networks[key] = network
        if network.refused is not None:
            self._refused.add(key)
        self._group(network.demand).networks.add(key)
        self._selection(network.selector).networks.add(key)
        return frozenset(self._names_of(before ^ self._unready(key)))

    def remove_network(self, key: Key) -> frozenset[str]:
        """Returns the nodes on which it was not ready."""
        before = self._unready(key)
        self._discard(key)
        return frozenset(self._names_of(before))

    def put_node(self, name: str, state: NodeState) -> frozenset[Key]:
        """Adds or changes a node; returns the networks whose readiness that changes."""
        node = self._nodes.get(name)
        if node is not None and node.state == state:
            return frozenset()
        affected: set[Key] = set()
        if node is None:
            node = self._nodes[name] = _Node(self._allocate(name), NodeState(), _NONE)
        self._classify(node, self._class(state), affected)
        self._attach(node, state.attached, affected)
        affected = {key for key in affected if self._selects(key, node)}
        for selection in self._selections.values():
            if selection.selects(state.labels) != bool(selection.nodes & node.bit):
                selection.nodes ^= node.bit
                affected |= selection.networks
        node.state = state
        return frozenset(affected)

    def remove_node(self, name: str) -> frozenset[Key]:
        """Returns the networks that were for it."""
        node = self._nodes.pop(name, None)
        if node is None:
            return frozenset()
        affected: set[Key] = set()
        for selection in self._selections.values():
            if selection.nodes & node.bit:
                selection.nodes ^= node.bit
                affected |= selection.networks
        self._classify(node, _NONE, set())
        self._attach(node, frozenset(), set())
        heapq.heappush(self._free, node.bit.bit_length() - 1)
        return frozenset(affected)

    def readiness(self, key: Key) -> Readiness:
        """Of a network; NO_NODES for an unknown one."""
        network = self._networks.get(key)
        if network is None:
            return NO_NODES
        selected = self._selections[network.selector].nodes
        found = dict(self._found(key, network, selected))
        unready = 0
        for nodes in found.values():
            unready |= nodes
        shortfalls = [
            Shortfall(reason, nodes.bit_count(), self._examples(nodes)) for reason, nodes in found.items()
        ]
        shortfalls.sort(key=lambda each: (-each.nodes, each.reason))
        total = selected.bit_count()
        return Readiness(total, total - unready.bit_count(), tuple(shortfalls))

    def unready(self, name: str) -> Mapping[Key, tuple[Reason, ...]]:
        """The networks that are for a node and not ready there, with the reasons."""
        node = self._nodes.get(name)
        if node is None:
            return {}
        candidates = set(self._refused)
        for group in self._groups.values():
            if any(nodes & node.bit for nodes in group.nodes.values()):
                candidates |= group.networks
        found = {
            key: tuple(reason for reason, _ in self._found(key, network, node.bit))
            for key in candidates
            if self._selections[(network := self._networks[key]).selector].nodes & node.bit
        }
        return {key: why for key, why in found.items() if why}

    def ruled_out(self, key: Key) -> dict[str, Reason]:
        """The nodes that a network is for and where it is not ready, each with a reason."""
        network, result = self._networks.get(key), dict[str, Reason]()
        if network is not None:
            for reason, nodes in self._found(key, network, self._selections[network.selector].nodes):
                result |= {name: reason for name in self._names_of(nodes) if name not in result}
        return result

    def not_selected(self, key: Key) -> tuple[str, ...]:
        """The nodes that a network is not for, by its node selector; none for an unknown network."""
        network = self._networks.get(key)
        if network is None:
            return ()
        selected = self._selections[network.selector].nodes
        return tuple(name for name, node in self._nodes.items() if not node.bit & selected)

    def _found(self, key: Key, network: Network, within: int) -> Iterator[tuple[Reason, int]]:
        """Each reason with its nodes, of those `within`."""
        if network.refused is not None and within:
            yield network.refused, within
        group = self._groups[network.demand]
        taken = self._attached.get(key, 0) if group.moves else 0
        for reason, all_nodes in group.nodes.items():
            nodes = all_nodes & within
            if reason.code is Code.INTERFACE_MISSING:
                nodes &= ~taken
            if nodes:
                yield reason, nodes

    def _unready(self, key: Key) -> int:
        network = self._networks.get(key)
        if network is None:
            return 0
        result = 0
        for _, nodes in self._found(key, network, self._selections[network.selector].nodes):
            result |= nodes
        return result

    def _group(self, demand: Demand) -> _Group:
        """That of a demand; a new one is decided on for each class of nodes."""
        group = self._groups.get(demand)
        if group is None:
            group = self._groups[demand] = _Group(self._new_id(), demand)
            for class_, nodes in self._members.items():
                group.assign(nodes, self._decide(group, class_))
        return group

    def _selection(self, selector: str | None) -> _Selection:
        selection = self._selections.get(selector)
        if selection is None:
            requirements = () if selector is None else label_selector.parse(selector.strip())
            selection = self._selections[selector] = _Selection(requirements)
            for node in self._nodes.values():
                if selection.selects(node.state.labels):
                    selection.nodes |= node.bit
        return selection

    def _discard(self, key: Key) -> None:
        network = self._networks.pop(key, None)
        if network is None:
            return
        group, selection = self._groups[network.demand], self._selections[network.selector]
        self._refused.discard(key)
        group.networks.discard(key)
        selection.networks.discard(key)
        if not group.networks:
            del self._groups[network.demand]
        if not selection.networks:
            del self._selections[network.selector]

    def _classify(self, node: _Node, after: int, affected: set[Key]) -> None:
        """Moves a node from one class of nodes to another, and adds the networks for which that makes a difference."""
        before, node.class_ = node.class_, after
        if before == after:
            return
        for group in self._groups.values():
            found = self._decide(group, after)
            if found != self._decide(group, before):
                group.assign(node.bit, found)
                affected |= group.networks
        self._members[after] = self._members.get(after, 0) | node.bit
        self._members[before] = self._members.get(before, 0) & ~node.bit
        for class_ in (before, after):
            if class_ == _NONE or not self._members[class_]:
                self._forget(class_)

    def _class(self, state: NodeState) -> int:
        if not state.daemon_ready:
            return _DOWN
        if state.facts is None:
            return _UNREPORTED
        class_ = self._classes.get(state.facts)
        if class_ is None:
            class_ = self._classes[state.facts] = self._new_id()
            self._facts[class_] = state.facts
        return class_

    def _forget(self, class_: int) -> None:
        """A class that no node is in."""
        self._members.pop(class_, None)
        known = self._facts.pop(class_, None)
        if known is not None:
            del self._classes[known]

    def _decide(self, group: _Group, class_: int) -> tuple[Reason, ...]:
        found = _OF_CLASS.get(class_)
        if found is None:
            found = self._decided.get((group.id, class_))
        if found is None:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            found = self._decided[group.id, class_] = node_reasons.evaluate(group.demand, self._facts[class_])
        return found

    def _selects(self, key: Key, node: _Node) -> bool:
        return bool(self._selections[self._networks[key].selector].nodes & node.bit)

    def _attach(self, node: _Node, networks: frozenset[Key], affected: set[Key]) -> None:
        for key in node.state.attached ^ networks:
            nodes = self._attached.get(key, 0) ^ node.bit
            if nodes:
                self._attached[key] = nodes
            else:
                del self._attached[key]
            network = self._networks.get(key)
            if network is not None and self._groups[network.demand].moves:
                affected.add(key)

    def _allocate(self, name: str) -> int:
        index = heapq.heappop(self._free) if self._free else len(self._names)
        if index == len(self._names):
            self._names.append(name)
        else:
            self._names[index] = name
        self._first_names.clear()
        return 1 << index

    def _new_id(self) -> int:
        self._next += 1
        return self._next

    def _examples(self, nodes: int) -> tuple[str, ...]:
        """Many networks lack something on the same nodes, and finding the first names among thousands takes a millisecond."""
        found = self._first_names.get(nodes)
        if found is None:
            if len(self._first_names) >= _REMEMBERED_SETS:
                self._first_names.clear()
            found = self._first_names[nodes] = tuple(heapq.nsmallest(_EXAMPLES, self._names_of(nodes)))
        return found

    def _names_of(self, nodes: int) -> Iterator[str]:
        bits = f"{nodes:b}"[::-1]
        index = bits.find("1")
        while index >= 0:
            yield self._names[index]
            index = bits.find("1", index + 1)
