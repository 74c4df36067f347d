"""Findings as the API server hands them on: lines of a denial, and warnings; short enough that it cuts none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from netattach_core import json_text
from netattach_core.finding import Finding, Severity, path_text

_LONGEST_WARNING = 256
_LONGEST_WARNINGS = 4096
"""Characters of one warning and of all; beyond, the API server cuts (apiserver's `warning` package)."""

_LONGEST_LINE = 1000
_LONGEST_DENIAL = 8000
"""Characters; nobody reads more on a terminal."""


def denial(subject: str, findings: Sequence[Finding], text: str = "") -> str:
    """A line each; `text` is what their offsets point into. It begins with a line's end: the API server puts words before it."""
    told = [finding for finding in findings if finding.weight is not Severity.OFF]
    head = f"\n{subject} is refused, {len(told)} finding{'' if len(told) == 1 else 's'}:"
    lines = [_cut(f"  {each.weight} {_line(each, text)}", _LONGEST_LINE) for each in told]
    return "\n".join([head, *_as_many_as_fit(lines, _LONGEST_DENIAL)])


def warnings(findings: Sequence[Finding], text: str = "") -> list[str]:
    told = [finding for finding in findings if finding.weight is Severity.WARN]
    lines = [_cut(_warning(each, text), _LONGEST_WARNING) for each in told]
    return [line.strip() for line in _as_many_as_fit(lines, _LONGEST_WARNINGS)]


def _line(finding: Finding, text: str) -> str:
    return _plain(f"[{finding.rule.id}] {_place(finding, text)}: {finding.problem}. Mend: {finding.mend}")


def _warning(finding: Finding, text: str) -> str:
    return _plain(f"[{finding.rule.id}] {_place(finding, text)}: {finding.problem}; mend: {finding.mend}")


def _place(finding: Finding, text: str) -> str:
    if finding.offset is None:
        return path_text(finding.path)
    line, column = json_text.position(text, finding.offset)
    return f"{path_text(finding.path)} (line {line}, column {column})"


def _as_many_as_fit(lines: Sequence[str], longest: int) -> Iterator[str]:
    """The first ones, then how many more there are."""
    room = longest - 60  # for the last line
    for index, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            yield f"  and {len(lines) - index} more; `netattach lint` tells all"
            return
        yield line


def _cut(line: str, longest: int) -> str:
    """At the end of a word."""
    if len(line) <= longest:
        return line
    short = line[: longest - 1]
    return (short.rsplit(" ", 1)[0] if " " in short[longest // 2 :] else short) + "…"


def _plain(line: str) -> str:
    """One line, and nothing that a terminal would obey: the words quote what anybody may have written."""
    line = re.sub(r"\s+", " ", line)
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
