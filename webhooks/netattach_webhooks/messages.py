"""Findings as the API server passes them on: the message of a denial, and warnings, both within the limits of the API server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netattach_core.policy.severities import MODES
from netattach_core.text import finding_line
from netattach_core.text.excerpt import excerpt
from netattach_core.text.finding import Finding, Severity
from netattach_core.text.finding_line import cut, place, sanitize

_MAX_WARNING = 256
_MAX_WARNINGS = 4096
"""Characters of one warning, and of all together; the API server truncates longer ones (apiserver's `warning` package)."""

_MAX_SUBJECT = 400
"""Characters; enough for a kind, a namespace and a name that Kubernetes accepts. A review may contain longer ones."""

_MAX_DENIAL = 8000
"""Characters; more is not readable on a terminal."""

_MAX_AUDITED = 10
_MAX_AUDIT = 2000
"""Findings, and characters, of one mode in the audit log: every request that fails can fill it."""

_ROOM_FOR_REST = 60
"""Characters for the last line, which counts the findings that are left out."""


def denial(subject: str, findings: Sequence[Finding], text: str = "") -> str:
    """A line for each finding, and an excerpt below it if it has an offset; `text` is the text of these offsets.

    It begins with a line break, because the API server puts its own message before it.
    """
    reported = [each for each in findings if each.effective_severity in {Severity.DENY, Severity.WARN}]
    count = f"{len(reported)} finding{'' if len(reported) == 1 else 's'}"
    head = f"\n{cut(sanitize(subject), _MAX_SUBJECT)} is refused, {count}:"
    lines = (
        cut(f"  {finding.effective_severity} {finding_line.line(finding, text)}") + _excerpt(finding, text)
        for finding in reported
    )
    return "\n".join([head, *_fitting(lines, len(reported), _MAX_DENIAL - len(head) - 1)])


def warnings(findings: Sequence[Finding], text: str = "") -> list[str]:
    """One line for each finding that is a warning; `text` is the text of their offsets."""
    reported = [finding for finding in findings if finding.effective_severity is Severity.WARN]
    lines = (cut(_warning_line(finding, text), _MAX_WARNING) for finding in reported)
    return [line.strip() for line in _fitting(lines, len(reported), _MAX_WARNINGS)]


def notes(texts: Sequence[str]) -> list[str]:
    """Texts as warnings, one line each."""
    lines = (cut(sanitize(text), _MAX_WARNING) for text in texts)
    return [line.strip() for line in _fitting(lines, len(texts), _MAX_WARNINGS)]


def audit_annotations(findings: Sequence[Finding], text: str = "") -> dict[str, str]:
    """The findings of policy by the mode that they have in the namespace, as `policy-enforce`, `policy-warn`, `policy-audit`."""
    found: dict[str, str] = {}
    for severity, mode in MODES.items():
        lines = [
            _warning_line(each, text)
            for each in findings
            if each.rule.policy and each.effective_severity is severity
        ]
        if lines:
            found[f"policy-{mode}"] = cut("; ".join(lines[:_MAX_AUDITED]), _MAX_AUDIT)
    return found


def _warning_line(finding: Finding, text: str) -> str:
    return sanitize(f"[{finding.rule.id}] {place(finding, text)}: {finding.problem}; fix: {finding.fix}")


def _excerpt(finding: Finding, text: str) -> str:
    if finding.offset is None:
        return ""
    return "".join(f"\n      {line}" for line in str(excerpt(text, finding.offset)).split("\n"))


def _fitting(lines: Iterable[str], count: int, limit: int) -> Iterator[str]:
    """The first lines that fit, then how many are left out. Those are not even generated, which would take most of the time."""
    room = limit - _ROOM_FOR_REST
    for index, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            yield f"  and {count - index} more; `netattach lint` reports all"
            return
        yield line
