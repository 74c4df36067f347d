"""The condition `Permitted` of a NAD: what policy says of it in all modes, so that it shows whom a stricter level would hit."""

from __future__ import annotations

from collections.abc import Sequence

from netattach_core.text.finding import Finding, Severity
from netattach_core.validation import nad_status
from netattach_core.validation.nad_status import Verdict

PERMITTED = "Permitted"
"""The type of the condition, and its reason where there are no findings."""

WARNINGS = "PermittedWithWarnings"

_MAX_MESSAGE = 500


def verdict(findings: Sequence[Finding]) -> Verdict:
    """From the findings of policy: False where it refuses the network, True with its warnings where it only would."""
    denials = [finding for finding in findings if finding.effective_severity is Severity.DENY]
    others = [finding for finding in findings if finding.effective_severity is not Severity.DENY]
    if denials:
        message = nad_status.joined([*denials, *others])
        return Verdict(
            PERMITTED, False, nad_status.camel(denials[0].rule.id), _cut(message)
        )  # a condition's status
    if others:
        message = f"permitted, but a level that only warns or audits refuses it: {nad_status.joined(others)}"
        return Verdict(PERMITTED, True, WARNINGS, _cut(message))  # likewise
    return Verdict(PERMITTED, True, PERMITTED, "permitted")  # likewise


def _cut(message: str) -> str:
    return nad_status.cut(message, _MAX_MESSAGE)
