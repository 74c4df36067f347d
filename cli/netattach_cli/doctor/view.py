"""Diagnoses as a table and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netattach_cli.doctor.diagnoses import Diagnosis, State
from netattach_cli.output.table import Cell, table
from netattach_cli.output.view import OK, WRONG, Section, View
from netattach_cli.terminal import BLUE, BOLD, GREEN, RED, YELLOW

_COLOURS = {State.OK: GREEN, State.WRONG: RED, State.UNKNOWN: YELLOW, State.NOT_VISIBLE: BLUE}


@dataclass(frozen=True, slots=True)
class DoctorData:
    """What -o json has."""

    node: str
    diagnoses: Sequence[Diagnosis]


def view(node: str, found: Sequence[Diagnosis]) -> View:
    """Exit status 1 where something is wrong."""
    rows: list[list[Cell | str]] = [
        [
            Cell(each.part, BOLD),
            Cell(each.state.value, _COLOURS[each.state]),
            each.message,
            Cell(each.fix, is_name=True),
        ]
        for each in found
    ]
    return View(
        sections=[Section(table("PART STATE MESSAGE FIX", rows))],
        data=DoctorData(node, found),
        names=[f"node/{node}"],
        status=WRONG if any(each.state is State.WRONG for each in found) else OK,
    )
