"""Pods with their networks, as tables and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_cli.output.table import Cell, table
from netattach_cli.output.view import OK, WRONG, Section, View
from netattach_cli.pods.pod_networks import PodNetwork, PodNetworks
from netattach_cli.terminal import BOLD, GREEN, RED

_SHOWN_ADDRESSES = 8
"""In a table; JSON has all."""


@dataclass(frozen=True, slots=True)
class PodsData:
    """What -o json has."""

    items: Sequence[PodNetworks]


def view(
    pods: Sequence[PodNetworks], missing: Sequence[str] = (), *, namespaces: bool, where: str = ""
) -> View:
    """`namespaces`: with a column for them; `where` is for the text where there are no pods."""
    pods = sorted(pods, key=lambda pod: (pod.namespace, pod.name))
    titles = f"{'NAMESPACE ' if namespaces else ''}POD NODE REQUESTED ATTACHED INTERFACE ADDRESSES MAC READY REASON"
    shown = table(titles, _rows(pods, namespaces=namespaces), wide="PHASE MESSAGE")
    return View(
        sections=[Section(shown)],
        data=PodsData(pods),
        names=[f"pod/{pod.name}" for pod in pods],
        status=WRONG if missing else OK,
        errors=[
            *(f"pod {name} does not exist{where}" for name in missing),
            *([] if pods or missing else [f"no pod asks for networks{where}"]),
        ],
    )


def _rows(pods: Sequence[PodNetworks], *, namespaces: bool) -> Iterator[Sequence[Cell | str]]:
    for pod in pods:
        name = [Cell(pod.namespace, is_name=True)] if namespaces else []
        for network in pod.networks or (None,):
            yield [
                *name,
                Cell(pod.name, BOLD, is_name=True),
                pod.node,
                *_cells(network),
                pod.phase,
                _message(network),
            ]


def _cells(network: PodNetwork | None) -> Sequence[Cell | str]:
    if network is None:
        return [""] * 7
    return [
        Cell(network.requested, is_name=True),
        Cell(network.attached, is_name=True),
        network.interface,
        _addresses(network.addresses),
        network.mac,
        Cell("True", GREEN) if network.ready else Cell("False", RED),
        network.reason,
    ]


def _addresses(addresses: Sequence[str]) -> str:
    more = len(addresses) - _SHOWN_ADDRESSES
    return ",".join(addresses[:_SHOWN_ADDRESSES]) + (f",+{more}" if more > 0 else "")


def _message(network: PodNetwork | None) -> str:
    return network.message if network else ""
