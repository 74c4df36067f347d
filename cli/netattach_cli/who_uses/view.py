"""The users of a network, as a table and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_cli.output.table import Cell, table
from netattach_cli.output.view import Section, View
from netattach_cli.terminal import BOLD, GREEN, RED
from netattach_cli.who_uses.uses import Use

_SHOWN_ADDRESSES = 8
_KUBECTL = {"Pod": "pod", "Job": "job.batch", "CronJob": "cronjob.batch", "ConfigMap": "configmap"}
"""What `kubectl get -o name` calls the kind; all others are of the group apps."""


@dataclass(frozen=True, slots=True)
class UsesData:
    """What -o json has."""

    network: str
    items: Sequence[Use]


def view(network: str, uses: Sequence[Use], *, exists: bool | None) -> View:
    """`exists`: whether there is such a network; None where that is unknown."""
    errors = [f"network {network} does not exist"] if exists is False else []
    if not uses:
        errors.append(f"nothing uses network {network}")
    shown = table("KIND NAMESPACE NAME NODE REQUESTED ATTACHED INTERFACE ADDRESSES REASON", _rows(uses))
    names = [f"{_KUBECTL.get(use.kind, f'{use.kind.lower()}.apps')}/{use.name}" for use in uses]
    return View([Section(shown)], UsesData(network, uses), names, errors=errors)


def _rows(uses: Sequence[Use]) -> Iterator[Sequence[Cell | str]]:
    for use in uses:
        attached = "" if use.attached is None else Cell(str(use.attached), GREEN if use.attached else RED)
        yield [
            use.kind,
            Cell(use.namespace, is_name=True),
            Cell(use.name, BOLD, is_name=True),
            use.node,
            str(use.requested),
            attached,
            use.interface,
            ",".join(use.addresses[:_SHOWN_ADDRESSES]),
            use.reason,
        ]
