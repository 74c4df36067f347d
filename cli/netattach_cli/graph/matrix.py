"""Networks on nodes: a cell for each pair, with its reasons; and the pods of each network.

Deterministic: the same objects, in any order, make the same file.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_cli.ask import bodies
from netattach_cli.graph.inputs import Facts
from netattach_cli.networks import on_nodes
from netattach_cli.pods import pod_networks
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.objects import Key
from netattach_core.readiness.index import ReadinessIndex

MOST_PODS = 100
"""Pods of a network that are named."""


class State(enum.StrEnum):
    """Of a network on a node."""

    READY = "ready"
    NOT_READY = "not ready"
    NOT_SELECTED = "not for this node"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a network is not ready on nodes; `number` is how cells refer to it, `cells` how many do."""

    number: int
    reason: str
    message: str
    cells: int


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """`reasons` are numbers of reasons; `pods` are those of the node that are attached."""

    state: State
    reasons: Sequence[int]
    pods: int


@dataclass(frozen=True, slots=True)
class GraphPod:
    """A pod that has the network, or asks for it and lacks it for a `reason`."""

    name: str
    node: str
    ready: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    """A network: a cell for each node in order, and its pods by name, those that lack it first; `pods_total` counts all."""

    network: str
    plugins: str
    ready: bool
    cells: Sequence[MatrixCell]
    pods: Sequence[GraphPod]
    pods_total: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """`nodes` are names."""

    nodes: Sequence[str]
    rows: Sequence[Row]
    reasons: Sequence[Reason]

    def reason(self, number: int) -> Reason:
        return self.reasons[number - 1]

    def title(self, row: Row, node: str, cell: MatrixCell) -> str:
        """What a cell is, in words."""
        text = f"{row.network} on {node}: {cell.state.value}"
        if cell.reasons:
            found = (self.reason(each) for each in cell.reasons)
            text += ": " + "; ".join(f"{each.reason}: {each.message}" for each in found)
        return f"{text}; {cell.pods} pods" if cell.pods else text


_Reasons = tuple[tuple[str, str], ...]


def matrix(facts: Facts) -> Matrix:
    """Of all networks and nodes."""
    inventories = on_nodes.read_inventories(facts.nodes.inventories)
    nodes = sorted(map(bodies.name, facts.nodes.nodes))
    networks = sorted(facts.networks, key=bodies.full_name)
    index = on_nodes.index_of(networks, facts.nodes, inventories)
    unready = _unready(index, nodes)
    numbers = _numbers(reasons for of_node in unready.values() for reasons in of_node.values())
    pods = _pods(facts)
    rows = []
    for body in networks:
        key = bodies.namespace(body), bodies.name(body)
        left_out = set(index.not_selected(key))
        cells = [
            _cell(unready[node].get(key), numbers, _attached(inventories.get(node), key))
            if facts.nodes.known and node not in left_out
            else MatrixCell(State.NOT_SELECTED if facts.nodes.known else State.UNKNOWN, (), 0)
            for node in nodes
        ]
        found = sorted(pods.get("/".join(key), ()), key=lambda each: (each.ready, each.name, each.node))
        ready = bodies.text(bodies.condition(body, "Ready"), "status") == "True"
        plugins = bodies.text(body, "status", "plugins")
        rows.append(Row("/".join(key), plugins, ready, cells, found[:MOST_PODS], len(found)))
    return Matrix(nodes, rows, _reasons(numbers, rows))


def _unready(index: ReadinessIndex, nodes: Sequence[str]) -> dict[str, dict[Key, _Reasons]]:
    return {
        node: {
            key: tuple((each.code.value, each.message) for each in reasons)
            for key, reasons in index.unready(node).items()
        }
        for node in nodes
    }


def _numbers(found: Iterator[_Reasons]) -> dict[tuple[str, str], int]:
    each_once = sorted({reason for reasons in found for reason in reasons})
    return {reason: number for number, reason in enumerate(each_once, 1)}


def _reasons(numbers: Mapping[tuple[str, str], int], rows: Sequence[Row]) -> list[Reason]:
    counts: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        for cell in row.cells:
            for number in cell.reasons:
                counts[number] += 1
    return [Reason(number, *reason, counts[number]) for reason, number in numbers.items()]


def _cell(reasons: _Reasons | None, numbers: Mapping[tuple[str, str], int], pods: int) -> MatrixCell:
    if reasons:
        return MatrixCell(State.NOT_READY, sorted(numbers[each] for each in reasons), pods)
    return MatrixCell(State.READY, (), pods)


def _attached(inventory: NodeInventory | None, key: Key) -> int:
    return inventory.attached.of("/".join(key)).pods if inventory and inventory.attached else 0


def _pods(facts: Facts) -> dict[str, list[GraphPod]]:
    """By network; a pod that has it twice is there once."""
    found: defaultdict[str, dict[str, GraphPod]] = defaultdict(dict)
    for pod in facts.pods:
        networks = pod_networks.networks_of(pod, facts.unmet or {})
        for each in networks.networks:
            network = each.attached or each.requested
            known = found[network].get(networks.full_name)
            if known is None or known.ready:
                entry = GraphPod(networks.full_name, networks.node, each.ready, each.reason)
                found[network][networks.full_name] = entry
    return {network: list(pods.values()) for network, pods in found.items()}
