"""Findings as the API server hands them on: lines of a denial, and warnings; short enough that it cuts none of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from netattach_core.text import json_document
from netattach_core.text.excerpt import excerpt
from netattach_core.text.finding import Finding, Severity, path_text

_LONGEST_WARNING = 256
_LONGEST_WARNINGS = 4096
"""Characters of one warning and of all; beyond, the API server cuts (apiserver's `warning` package)."""

_LONGEST_SUBJECT = 400
"""Characters; of a kind, a namespace and a name as Kubernetes takes them. What comes to us need not be one of those."""

_LONGEST_QUOTE = 10_000
"""Characters of a line that are looked at before it is cut: an annotation that is quoted may have a quarter of a million."""

_LONGEST_LINE = 1000
_LONGEST_DENIAL = 8000
"""Characters; nobody reads more on a terminal."""


def denial(subject: str, findings: Sequence[Finding], text: str = "") -> str:
    """A line each, and the place below it where there is one; `text` is what their offsets point into.

    It begins with a line's end: the API server puts words before it.
    """
    told = [finding for finding in findings if finding.effective_severity is not Severity.OFF]
    about = _cut(_plain(subject), _LONGEST_SUBJECT)
    head = f"\n{about} is refused, {len(told)} finding{'' if len(told) == 1 else 's'}:"
    lines = (
        _cut(f"  {each.effective_severity} {_line(each, text)}", _LONGEST_LINE) + _below(each, text)
        for each in told
    )
    return "\n".join([head, *_as_many_as_fit(lines, len(told), _LONGEST_DENIAL - len(head) - 1)])


def warnings(findings: Sequence[Finding], text: str = "") -> list[str]:
    told = [finding for finding in findings if finding.effective_severity is Severity.WARN]
    lines = (_cut(_warning(each, text), _LONGEST_WARNING) for each in told)
    return [line.strip() for line in _as_many_as_fit(lines, len(told), _LONGEST_WARNINGS)]


def _line(finding: Finding, text: str) -> str:
    return _plain(f"[{finding.rule.id}] {_place(finding, text)}: {finding.problem}. Fix: {finding.fix}")


def _below(finding: Finding, text: str) -> str:
    if finding.offset is None:
        return ""
    return "".join(f"\n      {line}" for line in str(excerpt(text, finding.offset)).split("\n"))


def _warning(finding: Finding, text: str) -> str:
    return _plain(f"[{finding.rule.id}] {_place(finding, text)}: {finding.problem}; fix: {finding.fix}")


def _place(finding: Finding, text: str) -> str:
    if finding.offset is None:
        return path_text(finding.path)
    line, column = json_document.position(text, finding.offset)
    return f"{path_text(finding.path)} (line {line}, column {column})"


def _as_many_as_fit(lines: Iterable[str], count: int, longest: int) -> Iterator[str]:
    """The first ones, then how many more there are; those are never put into words, which takes longest of all."""
    room = longest - 60  # for the last line
    for index, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            yield f"  and {count - index} more; `netattach lint` tells all"
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
    if len(line) > _LONGEST_QUOTE:
        line = f"{line[:_LONGEST_QUOTE]}…"
    line = re.sub(r"\s+", " ", line)
    if line.isprintable():  # nearly always, and asked in no time
        return line
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
