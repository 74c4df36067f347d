"""What explains a pod: itself, Events about it and its node, its networks, its node's daemon and inventory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from netattach_cli.ask import bodies, contests, installed
from netattach_cli.cluster.reader import Reader
from netattach_cli.networks.inputs import NodeFacts
from netattach_core.api import networks_annotation
from netattach_core.api.objects import Body, Key
from netattach_core.errors import AnnotationError
from netattach_kube.resource import EVENTS, INVENTORIES, NADS, NODES, PODS

MOST_NETWORKS = 50
"""Networks of one pod that are looked up."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`pod` is None where it does not exist. `networks` are the NADs that it names and that exist; `missing` those that do not.

    `events` are about the pod, or about its node. `known`: whether all that decides could be read.
    """

    now: datetime
    pod: Body | None
    events: Sequence[Body] = ()
    networks: Sequence[Body] = ()
    missing: Sequence[Key] = ()
    node: NodeFacts = field(default_factory=NodeFacts)
    known: bool = True


def gather(reader: Reader, namespace: str, name: str, now: datetime) -> Facts:
    """The pod first, then everything about it at the same time."""
    found = reader.one(PODS, name, namespace=namespace, unknown="the pod is")
    pod = found.first
    if pod is None:
        return Facts(now, None, known=found.known)
    about = f"involvedObject.kind=Pod,involvedObject.name={name}"
    events = reader.many(EVENTS, namespace=namespace, fields=about, unknown="why the pod is not attached is")
    networks = {
        key: reader.one(NADS, key[1], namespace=key[0], unknown="whether this network exists is")
        for key in _named(pod, namespace)
    }
    node = bodies.text(pod, "spec", "nodeName")
    of_node, contested = _node(reader, node) if node else (NodeFacts(), ())
    return Facts(
        now,
        pod,
        [*events.objects, *contested],
        [each.first for each in networks.values() if each.first],
        [key for key, each in networks.items() if each.known and not each.first],
        of_node,
        events.known,
    )


def _node(reader: Reader, name: str) -> tuple[NodeFacts, Sequence[Body]]:
    """What its daemon reports, and Events about the node, of which the daemon writes one kind."""
    unknown = "whether the node has what the pod needs is"
    node = reader.one(NODES, name, unknown=unknown)
    inventory = reader.one(INVENTORIES, name, unknown=unknown)
    daemons = reader.many(
        PODS,
        namespace=installed.NODE_NAMESPACE,
        labels=installed.DAEMON_LABELS,
        fields=f"spec.nodeName={name}",
        unknown="whether the daemon of its node is ready is",
    )
    contested = contests.contests(reader, name)
    known = node.known and inventory.known and daemons.known
    return NodeFacts(node.objects, daemons.objects, inventory.objects, known), contested.objects


def _named(pod: Body, namespace: str) -> Sequence[Key]:
    """Each network once; none of an annotation that cannot be read."""
    text = bodies.annotations_of(pod).get(networks_annotation.NETWORKS, "")
    try:
        selected = networks_annotation.parse(text, namespace)
    except AnnotationError:
        return ()
    return list(dict.fromkeys(each.key for each in selected))[:MOST_NETWORKS]
