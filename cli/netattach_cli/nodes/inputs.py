"""Nodes, daemons and inventories; for one node also the networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netattach_cli.ask import installed
from netattach_cli.cluster.reader import Reader
from netattach_cli.networks.inputs import NodeFacts
from netattach_core.api.objects import Body
from netattach_kube.resource import INVENTORIES, NADS, NODES, PODS


@dataclass(frozen=True, slots=True)
class Facts:
    """`networks` is empty for all nodes. `missing`: the node that was asked for does not exist."""

    nodes: NodeFacts
    networks: Sequence[Body] = ()
    missing: bool = False


def all_nodes(reader: Reader, labels: str) -> Facts:
    """The nodes with these labels."""
    nodes = reader.many(NODES, labels=labels, unknown="which nodes there are is")
    daemons = reader.many(
        PODS,
        namespace=installed.NODE_NAMESPACE,
        labels=installed.DAEMON_LABELS,
        unknown="which daemons are ready is",
    )
    inventories = reader.many(INVENTORIES, unknown="what the nodes have is")
    known = nodes.known and daemons.known and inventories.known
    return Facts(NodeFacts(nodes.objects, daemons.objects, inventories.objects, known))


def one_node(reader: Reader, name: str) -> Facts:
    """A node, and whatever may be attached there."""
    node = reader.one(NODES, name, unknown="the node's labels are")
    daemons = reader.many(
        PODS,
        namespace=installed.NODE_NAMESPACE,
        labels=installed.DAEMON_LABELS,
        fields=f"spec.nodeName={name}",
        unknown="whether its daemon is ready is",
    )
    inventory = reader.one(INVENTORIES, name, unknown="what the node has is")
    networks = reader.many(NADS, unknown="which networks are not ready on it is")
    known = node.known and daemons.known and inventory.known
    found = NodeFacts(node.objects, daemons.objects, inventory.objects, known)
    missing = node.known and not node.objects and not inventory.objects
    return Facts(found, networks.objects if known else (), missing)
