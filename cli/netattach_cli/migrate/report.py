"""The report of a migration check, as text for people and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator

from netattach_cli.migrate.assessment import Assessment, Item, Section
from netattach_cli.terminal import BLUE, BOLD, RED, YELLOW, Paint, printable

_TITLES = {
    Section.WORKS: ("will work", BOLD),
    Section.CHANGE: ("needs a change", YELLOW),
    Section.REFUSED: ("will be refused", RED),
}


def text(assessment: Assessment, paint: Paint) -> str:
    """A heading for each section, below it its items with their fixes."""
    return "\n".join(_lines(assessment, paint))


def as_json(assessment: Assessment) -> str:
    """Sections as lists of {subject, text, fix}, and the settings as an object."""
    sections = {section.value: [_fields(item) for item in assessment.of(section)] for section in Section}
    settings = {"netattachConfig": dict(assessment.settings)}
    return json.dumps({"multus": assessment.multus, **sections, **settings}, indent=2)


def _lines(assessment: Assessment, paint: Paint) -> Iterator[str]:
    yield printable(assessment.multus) or "Multus was not found: its settings are not part of this report"
    for section, (title, colour) in _TITLES.items():
        found = assessment.of(section)
        yield ""
        yield paint(f"{title}: {len(found) or 'nothing'}", colour)
        for item in found:
            yield f"  {paint(printable(item.subject), BOLD)}: {printable(item.text)}"
            if item.fix:
                yield f"    {paint('fix:', BLUE)} {printable(item.fix)}"


def _fields(item: Item) -> dict[str, str]:
    return {key: found for key, found in dataclasses.asdict(item).items() if key != "section"}
