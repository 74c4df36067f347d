"""The node, its daemon, its inventory, the networks, and Events about the node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netattach_cli.ask import bodies
from netattach_cli.cluster.reader import Reader
from netattach_cli.networks.inputs import NodeFacts
from netattach_cli.nodes import inputs as nodes_inputs
from netattach_core.api.objects import Body
from netattach_kube.resource import EVENTS


@dataclass(frozen=True, slots=True)
class Facts:
    """`missing`: there is no such node. `contests` are None where they could not be read."""

    name: str
    node: NodeFacts
    networks: Sequence[Body] = ()
    contests: Sequence[Body] | None = ()
    missing: bool = False


def gather(reader: Reader, name: str) -> Facts:
    found = nodes_inputs.one_node(reader, name)
    if found.missing:
        return Facts(name, found.nodes, missing=True)
    events = reader.many(
        EVENTS,
        namespace="default",
        fields=f"involvedObject.kind=Node,involvedObject.name={name},reason=CNIConfigContested",
        unknown="whether the node's CNI config is contested is",
    )
    about = [each for each in events.objects if _is_contest(each, name)]
    return Facts(name, found.nodes, found.networks, about if events.known else None)


def _is_contest(event: Body, node: str) -> bool:
    involved = bodies.mapping(event, "involvedObject")
    is_node = bodies.text(involved, "kind") == "Node" and bodies.text(involved, "name") == node
    return is_node and bodies.text(event, "reason") == "CNIConfigContested"
