"""Networks as their status has them; for one network also what decides on each node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netattach_cli.ask import installed
from netattach_cli.cluster.reader import Pending, Reader
from netattach_core.api.objects import Body
from netattach_kube.resource import INVENTORIES, NADS, NODES, PODS


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """`known`: nodes, daemons and inventories could all be read."""

    nodes: Sequence[Body] = ()
    daemons: Sequence[Body] = ()
    inventories: Sequence[Body] = ()
    known: bool = True


def networks(reader: Reader, namespace: str, labels: str) -> Pending[Body]:
    """Those of a namespace, "" for all."""
    return reader.many(NADS, namespace=namespace, labels=labels, unknown="the networks are")


def network(reader: Reader, name: str, namespace: str) -> Pending[Body]:
    """`name` may have its namespace before it, as tables show it."""
    before, slash, after = name.partition("/")
    return reader.one(
        NADS, after if slash else name, namespace=before if slash else namespace, unknown="the network is"
    )


def nodes(reader: Reader) -> NodeFacts:
    """What decides whether a network is ready on a node."""
    unknown = "on which nodes the network is ready is"
    nodes = reader.many(NODES, unknown=unknown)
    daemons = reader.many(
        PODS, namespace=installed.NODE_NAMESPACE, labels=installed.DAEMON_LABELS, unknown=unknown
    )
    inventories = reader.many(INVENTORIES, unknown=unknown)
    known = nodes.known and daemons.known and inventories.known
    return NodeFacts(nodes.objects, daemons.objects, inventories.objects, known)
