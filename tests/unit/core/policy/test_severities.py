"""How many findings are kept, and that none that only warns hides one that refuses."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.policy import severities
from netattach_core.policy.case import rule
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Severity

RULE = rule("policy-x", "")
POLICY = NamespacePolicy("lab", enforce=Level.BASELINE)


def warns(count: int) -> Iterator[Finding]:
    yield from (Finding(RULE, (index,), "", "", severity=Severity.WARN) for index in range(count))


def refuses(count: int) -> Iterator[Finding]:
    yield from (Finding(RULE, (index,), "", "") for index in range(count))


def test_a_thousand_warnings_hide_no_refusal() -> None:
    found = severities.findings([(Level.BASELINE, warns), (Level.BASELINE, refuses)], 1000, POLICY)

    assert 100 == sum(each.effective_severity is Severity.DENY for each in found)
    assert 200 == len(found)


def test_the_search_ends_at_the_hundredth_refusal() -> None:
    taken: list[int] = []

    def counted(count: int) -> Iterator[Finding]:
        for index, each in enumerate(refuses(count)):
            taken.append(index)
            yield each

    assert 100 == len(severities.findings([(Level.BASELINE, counted)], 1000, POLICY))
    assert 100 == len(taken)
