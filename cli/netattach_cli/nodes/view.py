"""Nodes, or one of them, as tables and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netattach_cli.nodes.node_data import NodeData, NodeDetail
from netattach_cli.output.table import Cell, Table, table
from netattach_cli.output.view import Section, View
from netattach_cli.terminal import BOLD, GREEN, RED

_TITLES = "NODE DAEMON VERSION DEFAULT_NETWORK PODS UNMET PROBE"
_WIDE = "SHIM KERNEL DEFAULT_INTERFACES PROBLEM"


@dataclass(frozen=True, slots=True)
class NodesData:
    """What -o json has of all nodes."""

    items: Sequence[NodeData]


def nodes_view(nodes: Sequence[NodeData]) -> View:
    """A row for each node."""
    names = [f"node/{node.name}" for node in nodes]
    return View(
        [Section(_table(nodes))], NodesData(nodes), names, errors=[] if nodes else ["there are no nodes"]
    )


def node_view(found: NodeDetail) -> View:
    """One node: the row, then what is not ready, what it has, and which pods lack a network."""
    shortfalls = [
        (Cell(each.network, BOLD, is_name=True), reason.reason, reason.message)
        for each in found.not_ready
        for reason in each.reasons
    ]
    lacking = [
        (
            Cell(f"{pod.namespace}/{pod.name}", BOLD, is_name=True),
            ",".join(pod.networks),
            pod.reason,
            pod.message,
        )
        for pod in found.unmet
    ]
    return View(
        sections=[
            Section(_table([found.node], wide=True)),
            Section(table("NETWORK REASON MESSAGE", shortfalls), "Networks that are not ready here"),
            Section(table("POD NETWORKS REASON MESSAGE", lacking), "Pods that lack a network"),
            Section(_interfaces(found), "Interfaces"),
            Section(_plugins(found), "Plugins"),
        ],
        data=found,
        names=[f"node/{found.node.name}"],
    )


def _table(nodes: Sequence[NodeData], *, wide: bool = False) -> Table:
    """`wide`: all columns in any case."""
    rows = [
        (
            Cell(node.name, BOLD, is_name=True),
            _ready(node),
            node.daemon_version,
            node.default_network,
            str(node.pods),
            Cell(str(node.unmet_pods), RED) if node.unmet_pods else "0",
            Cell(node.probe, RED) if node.probe == "failed" else node.probe,
            node.shim_version,
            node.kernel,
            ",".join(node.default_interfaces),
            node.default_network_problem or node.probe_message,
        )
        for node in nodes
    ]
    return table(f"{_TITLES} {_WIDE}", rows) if wide else table(_TITLES, rows, wide=_WIDE)


def _ready(node: NodeData) -> Cell:
    if node.daemon_ready is None:
        return Cell("unknown")
    return Cell("ready", GREEN) if node.daemon_ready else Cell("not ready", RED)


def _interfaces(found: NodeDetail) -> Table:
    rows = [
        (
            Cell(each.name, BOLD),
            each.kind or "hardware",
            str(each.mtu or ""),
            each.mac,
            "up" if each.up else "down",
            ",".join(each.addresses),
            "; ".join(each.reasons),
        )
        for each in found.interfaces
    ]
    return table("INTERFACE KIND MTU MAC STATE ADDRESSES DEFAULT_BECAUSE", rows)


def _plugins(found: NodeDetail) -> Table:
    return table(
        "PLUGIN CNI_VERSIONS", [(Cell(each.name, BOLD), ",".join(each.versions)) for each in found.plugins]
    )
