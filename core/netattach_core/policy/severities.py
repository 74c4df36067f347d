"""The effect of a finding: by the level of its rule, and by the levels that are in force in the namespace."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level, Mode
from netattach_core.text.finding import Finding, Severity

C = TypeVar("C")

_MAX_FINDINGS = 100
"""Nobody reads more, and an author may write ten thousand mistakes into one configuration."""

MODES = {Severity.DENY: Mode.ENFORCE, Severity.WARN: Mode.WARN, Severity.AUDIT: Mode.AUDIT}
"""The mode of policy that gives a finding its severity."""


def severity(level: Level, policy: NamespacePolicy) -> Severity:
    """The severity of the findings of a rule that belongs to a level; `off` where the namespace has none so strict."""
    if policy.enforce >= level:
        return Severity.DENY
    if policy.warn >= level:
        return Severity.WARN
    return Severity.AUDIT if policy.audit >= level else Severity.OFF


def findings(
    checks: Iterable[tuple[Level, Callable[[C], Iterator[Finding]]]], case: C, policy: NamespacePolicy
) -> list[Finding]:
    """The first hundred findings that refuse, and the first hundred others, each with the severity of its level.

    It ends at the hundredth that refuses. Others never end it: else an author could hide what refuses behind what only warns.
    Checks without effect in the namespace are not run.
    """
    refusing: dict[Finding, None] = {}
    others: dict[Finding, None] = {}
    for each in _all(checks, case, policy):
        found = refusing if each.effective_severity is Severity.DENY else others
        if len(found) < _MAX_FINDINGS:
            found[each] = None
        if len(refusing) == _MAX_FINDINGS:
            break
    return [*refusing, *others]


def _all(
    checks: Iterable[tuple[Level, Callable[[C], Iterator[Finding]]]], case: C, policy: NamespacePolicy
) -> Iterator[Finding]:
    """Those that refuse come first: a level that only warns is stricter, and never hides what the one in force finds."""
    for level, check in sorted(checks, key=_level):
        given = severity(level, policy)
        if given is not Severity.OFF:
            yield from (_weighted(each, given) for each in check(case))


def _level(entry: tuple[Level, Callable[[C], Iterator[Finding]]]) -> Level:
    return entry[0]


def _weighted(finding: Finding, given: Severity) -> Finding:
    """A finding that only warns of itself never refuses."""
    lower = finding.severity is Severity.WARN and given is Severity.DENY
    return finding if lower else dataclasses.replace(finding, severity=given)
