"""On which nodes each network is ready, how many pods are attached to it, and how many of these with an older text of it.

The index of `netattach_core.readiness`, fed with Nodes, daemons, inventories, and networks as the reconciler validates them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.node_state import Attached, AttachedNetwork
from netattach_core.api.objects import Key
from netattach_core.readiness import facts
from netattach_core.readiness.facts import NodeFacts
from netattach_core.readiness.index import Network, NodeState, Readiness, ReadinessIndex
from netattach_core.readiness.reason import Reason
from netattach_operator.cluster_nodes import ClusterNodes

_NOBODY: frozenset[Key] = frozenset()

_MOST_PODS = 100_000
"""Of one node; no node runs so many."""


class ReadinessView:
    """`network_affected` is called with each network whose readiness changes, `node_affected` with each node where one does.

    `pods_changed` is called with each network that another number of pods is attached to, which may wait.

    Nothing is known before `start`, and nothing called.
    """

    def __init__(
        self,
        nodes: ClusterNodes,
        inventory: Callable[[str], NodeInventory | None],
        network_affected: Callable[[Key], None],
        node_affected: Callable[[str], None],
        pods_changed: Callable[[Key], None],
    ) -> None:
        self.known = False
        self._nodes = nodes
        self._inventory = inventory
        self._network_affected = network_affected
        self._node_affected = node_affected
        self._pods_changed = pods_changed
        self._index = ReadinessIndex()
        self._facts: dict[str, tuple[NodeInventory, NodeFacts]] = {}
        self._attached: dict[str, tuple[AttachedNetwork, ...]] = {}
        self._pods: Counter[Key] = Counter()
        self._outdated_pods: Counter[Key] = Counter()

    def start(self) -> None:
        """Once nodes, daemons and inventories have been listed."""
        self.known = True
        for name in self._nodes:
            self.node_changed(name)

    def node_changed(self, name: str) -> None:
        """The Node, its daemon, or its inventory."""
        if not self.known:
            return
        node, inventory = self._nodes.get(name), self._inventory(name)
        self._count_pods(name, inventory.attached if inventory and node else None)
        if node is None:
            self._facts.pop(name, None)
            affected = self._index.remove_node(name)
        else:
            state = NodeState(
                labels=node.labels,
                facts=self._facts_of(name, inventory),
                daemon_ready=self._nodes.daemon_ready(name),
                attached=_networks(inventory.attached if inventory else None),
            )
            affected = self._index.put_node(name, state)
        for key in affected:
            self._network_affected(key)
        self._node_affected(name)

    def put_network(self, key: Key, network: Network) -> None:
        """A network, as it has been validated."""
        for node in self._index.put_network(key, network):
            self._node_affected(node)

    def remove_network(self, key: Key) -> None:
        for node in self._index.remove_network(key):
            self._node_affected(node)

    def of_network(self, key: Key) -> Readiness | None:
        """None where it is not known yet."""
        return self._index.readiness(key) if self.known else None

    def attached_pods(self, key: Key) -> int:
        """Pods that are attached to the network, as the daemons count them. Those of a Node that is gone do not count."""
        return self._pods[key]

    def outdated_pods(self, key: Key) -> int:
        """Pods that are attached with an older text of the network, as the daemons count them."""
        return self._outdated_pods[key]

    def ruled_out(self, network: Key) -> Mapping[str, Reason]:
        """The nodes that a network is for and where it is not ready, each with a reason."""
        return self._index.ruled_out(network)

    def not_selected(self, network: Key) -> tuple[str, ...]:
        """The nodes that a network is not for, by its node selector."""
        return self._index.not_selected(network)

    def unready(self, node: str) -> Mapping[Key, tuple[Reason, ...]]:
        """The networks that are for a node and not ready there."""
        return self._index.unready(node)

    def _facts_of(self, name: str, inventory: NodeInventory | None) -> NodeFacts | None:
        if inventory is None:
            self._facts.pop(name, None)
            return None
        known = self._facts.get(name)
        if known is None or known[0] is not inventory:
            known = self._facts[name] = inventory, facts.of_inventory(inventory)
        return known[1]

    def _count_pods(self, name: str, attached: Attached | None) -> None:
        before, after = self._attached.pop(name, ()), _all(attached)
        if after:
            self._attached[name] = after
        if before == after:
            return
        for key in _add(self._pods, _counts(before, _pods), _counts(after, _pods)):
            self._pods_changed(key)
        for key in _add(self._outdated_pods, _counts(before, _outdated), _counts(after, _outdated)):
            self._network_affected(key)


def _all(attached: Attached | None) -> tuple[AttachedNetwork, ...]:
    return attached.networks if attached else ()


def _networks(attached: Attached | None) -> frozenset[Key]:
    return frozenset(_key(each.network) for each in _all(attached) if each.pods > 0) or _NOBODY


def _counts(networks: Iterable[AttachedNetwork], count: Callable[[AttachedNetwork], int]) -> dict[Key, int]:
    """Those above zero: whoever has captured a daemon reports what he wants."""
    return {_key(each.network): min(count(each), _MOST_PODS) for each in networks if count(each) > 0}


def _pods(network: AttachedNetwork) -> int:
    return network.pods


def _outdated(network: AttachedNetwork) -> int:
    return network.outdated


def _add(totals: Counter[Key], before: Mapping[Key, int], after: Mapping[Key, int]) -> Iterable[Key]:
    """Replaces the counts of one node in the sums of all; returns the networks whose sum has changed."""
    changed = {key for key, _ in before.items() ^ after.items()}
    for key in changed:
        totals[key] += after.get(key, 0) - before.get(key, 0)
        if not totals[key]:
            del totals[key]
    return changed


def _key(network: str) -> Key:
    namespace, _, name = network.partition("/")
    return namespace, name
