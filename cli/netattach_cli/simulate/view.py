"""Simulated networks and pods as tables and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_cli.networks.on_nodes import OnNode
from netattach_cli.output.table import Cell, table
from netattach_cli.output.view import OK, WRONG, Section, View
from netattach_cli.simulate.networks import FindingData, SimulatedNetwork
from netattach_cli.simulate.pods import SimulatedPod
from netattach_cli.terminal import BOLD, GREEN, RED, YELLOW

_COLOURS = {"attached": GREEN, "kept off": YELLOW, "not selected": "", "fails": RED}


@dataclass(frozen=True, slots=True)
class SimulationData:
    """What -o json has."""

    networks: Sequence[SimulatedNetwork]
    pods: Sequence[SimulatedPod]


def view(networks: Sequence[SimulatedNetwork], pods: Sequence[SimulatedPod], errors: Sequence[str]) -> View:
    """Exit status 1 where something is refused, or no node would attach a pod."""
    sections = [section for each in networks for section in _network(each)]
    sections += [section for each in pods for section in _pod(each)]
    works = all(each.admitted for each in networks) and all(map(_works, pods))
    return View(
        sections=sections,
        data=SimulationData(networks, pods),
        names=[
            *(
                f"network-attachment-definition.k8s.cni.cncf.io/{each.network.partition('/')[2]}"
                for each in networks
            ),
            *(f"{each.kind.lower()}/{each.pod.partition('/')[2]}" for each in pods),
        ],
        status=OK if works else WRONG,
        errors=errors,
    )


def _works(pod: SimulatedPod) -> bool:
    outcomes = {each.outcome for each in pod.nodes}
    return pod.admitted and not pod.problem and (not outcomes or "attached" in outcomes)


def _network(each: SimulatedNetwork) -> Iterator[Section]:
    what = "would change" if each.changes else "would be created"
    what += f"; {each.pods} pods keep what they have until they are created again" if each.pods else ""
    yield _head("NETWORK RESULT", each.network, what, admitted=each.admitted)
    yield _findings(each.findings)
    yield Section(table("NODE READY REASON MESSAGE", _on_nodes(each.nodes)), "On the nodes")


def _pod(each: SimulatedPod) -> Iterator[Section]:
    yield _head("POD RESULT", each.pod, "would be created", admitted=each.admitted)
    yield _findings(each.findings)
    yield Section(
        table("CHANGE", [[Cell(change, is_name=True)] for change in each.changes]), "Added at admission"
    )
    rows: list[list[Cell | str]] = [
        [str(it.order), it.interface, Cell(it.network, is_name=True), ",".join(it.plugins), it.default_routes]
        for it in each.interfaces
    ]
    yield Section(table("ORDER INTERFACE NETWORK PLUGINS DEFAULT_ROUTES", rows), "Interfaces")
    if each.problem:
        yield Section(table("PROBLEM", [[Cell(each.problem, RED)]]))
    elif each.routes:
        yield Section(table("ROUTES", [[each.routes]]))
    nodes: list[list[Cell | str]] = [
        [Cell(on.node, BOLD, is_name=True), Cell(on.outcome, _COLOURS[on.outcome]), "; ".join(on.reasons)]
        for on in each.nodes
    ]
    yield Section(table("NODE OUTCOME REASONS", nodes), "On the nodes")


def _head(titles: str, name: str, what: str, *, admitted: bool) -> Section:
    result = Cell(what, GREEN) if admitted else Cell("would be refused", RED)
    return Section(table(titles, [[Cell(name, BOLD, is_name=True), result]]))


def _findings(found: Sequence[FindingData]) -> Section:
    rows: list[list[Cell | str]] = [
        [Cell(each.severity, RED if each.severity == "deny" else YELLOW), each.rule, each.text]
        for each in found
    ]
    return Section(table("SEVERITY RULE FINDING", rows), "Findings at admission")


def _on_nodes(nodes: Sequence[OnNode]) -> Iterator[Sequence[Cell | str]]:
    for each in nodes:
        ready = (
            Cell("True", GREEN) if each.ready else Cell("False", RED) if each.selected else Cell("-", YELLOW)
        )
        reasons = each.reasons
        yield (
            Cell(each.node, BOLD, is_name=True),
            ready,
            ",".join(reason.reason for reason in reasons),
            "; ".join(reason.message for reason in reasons),
        )
