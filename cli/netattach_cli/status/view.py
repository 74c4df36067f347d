"""The checks as tables and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_cli.output.table import Cell, table
from netattach_cli.output.view import INCOMPLETE, OK, WRONG, Section, View
from netattach_cli.status.checks import Check, State
from netattach_cli.terminal import BOLD, GREEN, RED, YELLOW

SHOWN = 10
"""Objects of a check in the table; JSON has all."""

_COLOURS = {State.OK: GREEN, State.WRONG: RED, State.UNKNOWN: YELLOW}


@dataclass(frozen=True, slots=True)
class StatusData:
    """What -o json has."""

    ok: bool
    checks: Sequence[Check]


def view(checks: Sequence[Check], *, all_items: bool = False) -> View:
    """`all_items`: the table has all objects too."""
    states = {check.state for check in checks}
    status = WRONG if State.WRONG in states else INCOMPLETE if State.UNKNOWN in states else OK
    rows = [(check.name, Cell(check.state, _COLOURS[check.state]), check.message) for check in checks]
    shown = len(checks) and max(len(check.items) for check in checks) if all_items else SHOWN
    items = table("CHECK OBJECT WHERE REASON MESSAGE", _items(checks, shown))
    return View(
        sections=[Section(table("CHECK STATE MESSAGE", rows)), Section(items)],
        data=StatusData(states == {State.OK}, checks),
        names=[f"{item.kind}/{item.name}" for check in checks for item in check.items],
        status=status,
    )


def _items(checks: Sequence[Check], shown: int) -> Iterator[Sequence[Cell | str]]:
    for check in checks:
        for item in check.items[:shown]:
            yield check.name, Cell(item.full_name, BOLD, is_name=True), item.where, item.reason, item.message
        if len(check.items) > shown:
            yield check.name, f"and {len(check.items) - shown} more", "", "", "-o wide shows all"
