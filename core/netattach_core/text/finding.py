"""Findings: a finding is one thing that is wrong, where it is, and how to fix it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""A place in a configuration: ("plugins", 0, "ipam", "rangeStart")."""


class Severity(enum.StrEnum):
    """The effect of a finding at admission.

    The object is refused, kubectl prints a warning, `netattach lint --advice` prints it and nobody else does, the API server's
    audit log has an entry (policy alone), or nothing happens.
    """

    DENY = "deny"
    WARN = "warn"
    ADVICE = "advice"
    AUDIT = "audit"
    OFF = "off"

    @property
    def rank(self) -> int:
        """0 for the most severe."""
        return _RANKS[self]


_RANKS = {each: rank for rank, each in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Rule:
    """One check of the validator or of policy. `id` is stable: users cite it, search for it and set its severity.

    With `policy`, the policy of a namespace decides on the severity, not the settings for validation.
    """

    id: str
    severity: Severity
    summary: str
    policy: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `path` points into the configuration (empty: all of it), `offset` into its text (None where there is no place in the
    text, as for a missing key); `problem` says what is wrong and what would fail, `fix` what to do. `severity` is None where
    the rule's own applies.
    """

    rule: Rule
    path: Path
    problem: str
    fix: str
    offset: int | None = None
    severity: Severity | None = None

    @property
    def effective_severity(self) -> Severity:
        """The severity of this finding, else that of its rule."""
        return self.severity or self.rule.severity


def path_text(path: Path) -> str:
    """The path in the usual notation: `plugins[0].ipam.rangeStart`; `config` for the empty path."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "config"
