"""Networks, or the nodes of one network, as tables and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_cli.ask import bodies
from netattach_cli.networks.on_nodes import OnNode, Shortfall
from netattach_cli.output.table import Cell, table
from netattach_cli.output.view import OK, Section, View
from netattach_cli.terminal import BOLD, GREEN, RED, YELLOW
from netattach_core.api.objects import Body

_COLOURS = {"True": GREEN, "False": RED}


@dataclass(frozen=True, slots=True)
class NetworkData:
    """A network as its status has it. `valid`, `permitted` and `ready` are "True", "False", "Unknown", or "" without a status."""

    namespace: str
    name: str
    plugins: str
    ipam: str
    valid: str
    permitted: str
    ready: str
    nodes: str
    pods: int
    outdated_pods: int
    reasons: Sequence[Shortfall]

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class NetworksData:
    """What -o json has without a name."""

    items: Sequence[NetworkData]


@dataclass(frozen=True, slots=True)
class OneNetworkData:
    """What -o json has of one network."""

    network: NetworkData
    nodes: Sequence[OnNode]


def data(body: Body) -> NetworkData:
    """The status of a network, whose author may not be our operator."""
    status = bodies.mapping(body, "status")
    conditions = {type_: bodies.condition(body, type_) for type_ in ("Valid", "Permitted", "Ready")}
    failed = [each for each in conditions.values() if each.get("status") == "False"]
    reasons = [Shortfall(bodies.text(each, "reason"), bodies.text(each, "message")) for each in failed]
    return NetworkData(
        bodies.namespace(body),
        bodies.name(body),
        bodies.text(status, "plugins"),
        bodies.text(status, "ipam"),
        bodies.text(conditions["Valid"], "status"),
        bodies.text(conditions["Permitted"], "status"),
        bodies.text(conditions["Ready"], "status"),
        bodies.text(status, "nodes", "summary"),
        bodies.number(status, "pods"),
        bodies.number(status, "outdatedPods"),
        reasons,
    )


def networks_view(found: Sequence[NetworkData], *, namespaces: bool, where: str = "") -> View:
    """All networks of a scope."""
    found = sorted(found, key=lambda each: (each.namespace, each.name))
    titles = f"{'NAMESPACE ' if namespaces else ''}NETWORK PLUGINS VALID PERMITTED READY NODES PODS REASON"
    shown = table(titles, _networks(found, namespaces=namespaces), wide="IPAM OUTDATED MESSAGE")
    return View(
        sections=[Section(shown)],
        data=NetworksData(found),
        names=[f"network-attachment-definition.k8s.cni.cncf.io/{each.name}" for each in found],
        status=OK,
        errors=[] if found else [f"there are no networks{where}"],
    )


def network_view(network: NetworkData, nodes: Sequence[OnNode]) -> View:
    """One network: on which nodes it is ready, and why not on the others."""
    of_network = _network_section(network)
    shown = table("NODE READY PODS REASON MESSAGE", _nodes(nodes))
    return View(
        sections=[of_network, Section(shown)],
        data=OneNetworkData(network, nodes),
        names=[f"node/{each.node}" for each in nodes if each.ready],
    )


def _network_section(network: NetworkData) -> Section:
    row = [*_cells(network), "; ".join(each.message for each in network.reasons)]
    return Section(table("NETWORK PLUGINS IPAM VALID PERMITTED READY NODES PODS MESSAGE", [row]))


def _cells(network: NetworkData) -> Sequence[Cell | str]:
    return [
        Cell(network.full_name, BOLD, is_name=True),
        network.plugins,
        network.ipam,
        *map(_state, (network.valid, network.permitted, network.ready)),
        network.nodes,
        str(network.pods),
    ]


def _networks(found: Sequence[NetworkData], *, namespaces: bool) -> Iterator[Sequence[Cell | str]]:
    for each in found:
        yield [
            *([Cell(each.namespace, is_name=True)] if namespaces else []),
            Cell(each.name, BOLD, is_name=True),
            each.plugins,
            *map(_state, (each.valid, each.permitted, each.ready)),
            each.nodes,
            str(each.pods),
            ",".join(reason.reason for reason in each.reasons),
            each.ipam,
            str(each.outdated_pods),
            "; ".join(reason.message for reason in each.reasons),
        ]


def _nodes(nodes: Sequence[OnNode]) -> Iterator[Sequence[Cell | str]]:
    """A row for each reason."""
    for each in nodes:
        ready = (
            Cell("True", GREEN) if each.ready else Cell("False", RED) if each.selected else Cell("-", YELLOW)
        )
        for reason in each.reasons or [Shortfall("", "")]:
            yield Cell(each.node, BOLD, is_name=True), ready, str(each.pods), reason.reason, reason.message


def _state(text: str) -> Cell:
    return Cell(text, _COLOURS.get(text, ""))
