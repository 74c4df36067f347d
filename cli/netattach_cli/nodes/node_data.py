"""What is known of a node, by its daemon's inventory and the daemon's readiness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netattach_cli.ask import bodies, unmet
from netattach_cli.networks import on_nodes
from netattach_cli.networks.inputs import NodeFacts
from netattach_cli.networks.on_nodes import Shortfall
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body


@dataclass(frozen=True, slots=True)
class NodeData:
    """`daemon_ready` is None where it is unknown. What its daemon has not reported is "", 0 or empty.

    `default_network_problem` is the default network's last error for STATUS, `probe` is "succeeded", "failed" or "".
    """

    name: str
    daemon_ready: bool | None
    daemon_version: str
    shim_version: str
    kernel: str
    default_network: str
    default_network_problem: str
    default_interfaces: Sequence[str]
    pods: int
    unmet_pods: int
    probe: str
    probe_message: str


@dataclass(frozen=True, slots=True)
class InterfaceData:
    """An interface of the node; `reasons` say why it is a default interface, which networks must not use."""

    name: str
    kind: str
    mtu: int
    mac: str
    up: bool
    addresses: Sequence[str]
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class PluginData:
    """A CNI plugin on the node, and the CNI versions that it supports."""

    name: str
    versions: Sequence[str]


@dataclass(frozen=True, slots=True)
class NetworkOnNode:
    """A network that is for the node and not ready there."""

    network: str
    reasons: Sequence[Shortfall]


@dataclass(frozen=True, slots=True)
class NodeDetail:
    """One node with everything that is known of it."""

    node: NodeData
    interfaces: Sequence[InterfaceData]
    plugins: Sequence[PluginData]
    not_ready: Sequence[NetworkOnNode]
    unmet: Sequence[UnmetPod]


def nodes(facts: NodeFacts) -> list[NodeData]:
    """All nodes, by name."""
    inventories = {bodies.name(body): body for body in facts.inventories}
    ready = _daemons(facts)
    return [
        _node(name, inventories.get(name, {}), ready.get(name, False if facts.known else None))
        for name in sorted(map(bodies.name, facts.nodes))
    ]


def detail(name: str, facts: NodeFacts, networks: Iterable[Body]) -> NodeDetail:
    """One node; the object Node is not needed, but for the networks that are not ready."""
    body = next(iter(facts.inventories), {})
    index = on_nodes.index_of(networks, facts, on_nodes.read_inventories(facts.inventories))
    not_ready = [
        NetworkOnNode("/".join(key), [Shortfall(each.code.value, each.message) for each in reasons])
        for key, reasons in sorted(index.unready(name).items())
    ]
    node = _node(name, body, _daemons(facts).get(name, False if facts.known else None))
    return NodeDetail(node, _interfaces(body), _plugins(body), not_ready, unmet.pods(body))


def _daemons(facts: NodeFacts) -> Mapping[str, bool]:
    return dict.fromkeys(on_nodes.daemons_ready(facts), True)


def _node(name: str, body: Body, ready: bool | None) -> NodeData:  # noqa: FBT001  # a value among others
    status = bodies.mapping(body, "status")
    cni = bodies.mapping(status, "cniStatus")
    return NodeData(
        name,
        ready,
        bodies.text(status, "versions", "daemon"),
        bodies.text(status, "versions", "shim"),
        bodies.text(status, "kernel"),
        bodies.text(status, "primary", "name"),
        bodies.text(cni, "message") if cni and not bodies.at(cni, "ready") else "",
        [bodies.text(each, "name") for each in bodies.items(status, "defaultInterfaces")],
        bodies.number(status, "attached", "pods"),
        bodies.number(status, "unmetPods", "total"),
        _probe(bodies.at(status, "probe", "succeeded")),
        bodies.text(status, "probe", "message"),
    )


def _probe(succeeded: object) -> str:
    return {True: "succeeded", False: "failed"}.get(succeeded, "") if isinstance(succeeded, bool) else ""


def _interfaces(body: Body) -> list[InterfaceData]:
    defaults = {
        bodies.text(each, "name"): bodies.texts(each, "reasons")
        for each in bodies.items(body, "status", "defaultInterfaces")
    }
    return [
        InterfaceData(
            bodies.text(each, "name"),
            bodies.text(each, "kind"),
            bodies.number(each, "mtu"),
            bodies.text(each, "mac"),
            bodies.at(each, "up") is not False,
            bodies.texts(each, "addresses"),
            defaults.get(bodies.text(each, "name"), []),
        )
        for each in bodies.items(body, "status", "interfaces")
    ]


def _plugins(body: Body) -> list[PluginData]:
    found = bodies.items(body, "status", "plugins")
    return [PluginData(bodies.text(each, "name"), bodies.texts(each, "versions")) for each in found]
