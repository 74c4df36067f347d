"""On which nodes a network is ready, and why not on the others.

Decided as the operator decides, with the same index, from the same objects. What it decides for all nodes together, by policy and
the settings, is taken from the network's status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from netattach_cli.ask import bodies
from netattach_cli.networks.inputs import NodeFacts
from netattach_core.api import inventory, nad
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.objects import Body, Key
from netattach_core.errors import ConfigError, DecodeError
from netattach_core.readiness import facts, node_label
from netattach_core.readiness.index import Network, NodeState, ReadinessIndex
from netattach_core.readiness.node_reasons import Demand
from netattach_core.readiness.reason import NOT_SELECTED, Code, Reason
from netattach_core.validation import node_needs

_OF_THE_NETWORK = (Code.INVALID, Code.NOT_PERMITTED)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A reason why a network is not ready, in one word and in a phrase."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class OnNode:
    """A node. `selected`: the network is for it. `pods`: those on it that are attached to the network."""

    node: str
    selected: bool
    ready: bool
    pods: int
    reasons: Sequence[Shortfall]


def of_network(body: Body, nodes: NodeFacts) -> list[OnNode]:
    """All nodes, those that the network is for first."""
    key = bodies.namespace(body), bodies.name(body)
    inventories = read_inventories(nodes.inventories)
    index = index_of([body], nodes, inventories)
    not_selected = set(index.not_selected(key))
    found = [
        _on_node(name, index, key, inventories.get(name), selected=name not in not_selected)
        for name in sorted(map(bodies.name, nodes.nodes))
    ]
    return sorted(found, key=lambda each: (not each.selected, each.node))


def index_of(
    networks: Iterable[Body], nodes: NodeFacts, inventories: Mapping[str, NodeInventory]
) -> ReadinessIndex:
    """The operator's own, of these networks and nodes. A network whose config is no text is left out."""
    index = ReadinessIndex()
    for body in networks:
        with suppress(ConfigError):
            index.put_network((bodies.namespace(body), bodies.name(body)), _network(body))
    ready = daemons_ready(nodes)
    for node in nodes.nodes:
        name = bodies.name(node)
        index.put_node(name, _state(node, inventories.get(name), daemon_ready=name in ready))
    return index


def daemons_ready(nodes: NodeFacts) -> set[str]:
    """The names of nodes whose daemon is ready."""
    return {bodies.text(pod, "spec", "nodeName") for pod in nodes.daemons if bodies.is_ready_pod(pod)}


def _on_node(
    name: str, index: ReadinessIndex, key: Key, node: NodeInventory | None, *, selected: bool
) -> OnNode:
    reasons = index.unready(name).get(key, ()) if selected else (NOT_SELECTED,)
    attached = node.attached.of("/".join(key)).pods if node and node.attached else 0
    shown = [Shortfall(each.code.value, each.message) for each in reasons]
    return OnNode(name, selected, selected and not reasons, attached, shown)


def _network(body: Body) -> Network:
    parsed = nad.from_body(body)
    reported = list(_reported(body))
    demand = Demand(
        node_needs.of_nad(parsed),
        default_refused=any(each.code is Code.DEFAULT_INTERFACE for each in reported),
    )
    refused = next((each for each in reported if each.code in _OF_THE_NETWORK), None)
    return Network(demand, parsed.annotations.get(nad.NODE_SELECTOR), refused)


def _reported(body: Body) -> Iterator[Reason]:
    """The reasons in the network's status, as far as this release knows them."""
    for each in bodies.items(body, "status", "nodes", "reasons"):
        if bodies.text(each, "reason") in set(Code):
            yield Reason(Code(bodies.text(each, "reason")), bodies.text(each, "message"))


def _state(node: Body, found: NodeInventory | None, *, daemon_ready: bool) -> NodeState:
    labels = bodies.mapping(node, "metadata", "labels")
    return NodeState(
        labels={
            str(key): str(value) for key, value in labels.items() if not key.startswith(node_label.PREFIX)
        },
        facts=facts.of_inventory(found) if found else None,
        daemon_ready=daemon_ready,
        attached=frozenset(_attached(found)),
    )


def _attached(found: NodeInventory | None) -> Iterable[Key]:
    for each in found.attached.networks if found and found.attached else ():
        if each.pods > 0:
            namespace, _, name = each.network.partition("/")
            yield namespace, name


def read_inventories(found: Sequence[Body]) -> Mapping[str, NodeInventory]:
    """By the node's name; one that this release cannot read counts as missing."""
    read = {}
    for body in found:
        try:
            read[bodies.name(body)] = inventory.from_dict(bodies.at(body, "status"))
        except DecodeError:
            continue
    return read
