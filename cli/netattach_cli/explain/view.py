"""An explanation as tables and JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from netattach_cli.explain.explanation import CallData, Cause, Explanation
from netattach_cli.output.table import Cell, table
from netattach_cli.output.view import OK, WRONG, Section, View
from netattach_cli.terminal import BOLD, GREEN, RED

_WIDTH = 100
"""Characters of a line of a message."""

_LINES = 12
_SHOWN_EVIDENCE = 8


def view(found: Explanation) -> View:
    name = f"{found.namespace}/{found.name}"
    verdict = Cell(found.verdict, GREEN if found.attached else RED)
    sections = [
        Section(
            table(
                "POD NODE PHASE VERDICT", [[Cell(name, BOLD, is_name=True), found.node, found.phase, verdict]]
            )
        ),
        Section(table("REQUESTED ATTACHED INTERFACE ADDRESSES READY REASON", _networks(found)), "Networks"),
        *(_cause(each, number) for number, each in enumerate(found.causes, 1)),
        Section(
            table("AGE RESULT CODE TOOK PHASES NETWORKS", map(_call, found.calls)),
            "Attachments, by their Events",
        ),
        Section(table("SOURCE AGE MESSAGE", _evidence(found)), "Evidence"),
    ]
    return View(
        sections=sections,
        data=found,
        names=[f"pod/{found.name}"],
        status=OK if found.attached else WRONG,
        errors=found.notes,
    )


def _networks(found: Explanation) -> Iterator[Sequence[Cell | str]]:
    for each in found.networks:
        yield [
            Cell(each.requested, is_name=True),
            Cell(each.attached, is_name=True),
            each.interface,
            ",".join(each.addresses[:8]),
            Cell("True", GREEN) if each.ready else Cell("False", RED),
            each.reason,
        ]


def _cause(cause: Cause, number: int) -> Section:
    plugin = f"{cause.plugin}, code {cause.code}" if cause.plugin and cause.code else cause.plugin
    rows = [
        ("phase", cause.phase),
        ("network", f"{cause.network} ({cause.interface})" if cause.interface else cause.network),
        ("plugin", plugin),
        ("message", cause.message),
        ("fix", cause.fix),
    ]
    lines: list[list[Cell | str]] = [
        [label, Cell(line, is_name=True)] for each, text in rows if text for label, line in _lines(each, text)
    ]
    return Section(table(f"CAUSE_{number} {_word(cause.cause)}", lines))


def _word(text: str) -> str:
    """A title; it is the word of another release perhaps, so it may have blanks."""
    return "_".join(text.split())[:80] or "Unknown"


def _lines(label: str, text: str) -> Iterator[tuple[str, str]]:
    """A long text in several rows: a cell is cut."""
    found = textwrap.wrap(text[: _WIDTH * _LINES], _WIDTH, break_on_hyphens=False)
    for number, line in enumerate(found[:_LINES]):
        yield (label if number == 0 else " ", line)


def _call(call: CallData) -> Sequence[Cell | str]:
    return [
        call.age,
        Cell("attached", GREEN) if call.succeeded else Cell("failed", RED),
        str(call.code) if call.code else "",
        f"{call.milliseconds:.1f}ms",
        _durations(call.phases),
        _durations(call.networks),
    ]


def _durations(found: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {took:.1f}ms" for name, took in found.items())


def _evidence(found: Explanation) -> Iterator[Sequence[Cell | str]]:
    for each in found.evidence[:_SHOWN_EVIDENCE]:
        yield each.source, each.age, each.message
