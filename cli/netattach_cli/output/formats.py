"""The text of a view in the format that -o asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence

from netattach_cli.output import table
from netattach_cli.output.plain import plain
from netattach_cli.output.view import Section, View
from netattach_cli.terminal import BOLD, Paint, printable

FORMATS = ("table", "wide", "json", "yaml", "name")


def text(view: View, format_: str, paint: Paint, *, headers: bool = True) -> str:
    """The view, with a line end; "" where there is nothing to show. JSON and YAML are in ASCII, with escapes for the rest."""
    if format_ == "json":
        return json.dumps(plain(view.data), indent=2) + "\n"
    if format_ == "yaml":
        return _yaml(view)
    if format_ == "name":
        return "".join(f"{printable(name)}\n" for name in dict.fromkeys(view.names))
    return view.text or _tables(view.sections, paint, wide=format_ == "wide", headers=headers)


def _yaml(view: View) -> str:
    import yaml  # noqa: PLC0415  # takes 20 ms that the other formats need not spend

    text: str = yaml.safe_dump(plain(view.data), sort_keys=False)
    return text


def _tables(sections: Sequence[Section], paint: Paint, *, wide: bool, headers: bool) -> str:
    parts = [_section(each, paint, wide=wide, headers=headers) for each in sections]
    return "\n".join(part for part in parts if part)


def _section(section: Section, paint: Paint, *, wide: bool, headers: bool) -> str:
    if not section.table.rows:
        return f"{section.empty}\n" if section.empty else ""
    heading = f"{paint(printable(section.heading), BOLD)}\n" if section.heading else ""
    return heading + table.text(section.table, paint, wide=wide, headers=headers)
