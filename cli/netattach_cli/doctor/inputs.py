"""The node, its daemon, its inventory, the networks, and Events about the node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netattach_cli.ask import contests
from netattach_cli.cluster.reader import Reader
from netattach_cli.networks.inputs import NodeFacts
from netattach_cli.nodes import inputs as nodes_inputs
from netattach_core.api.objects import Body


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
    contested = contests.contests(reader, name)
    return Facts(name, found.nodes, found.networks, contested.objects if contested.known else None)
