"""What the validator says: one finding is one thing that is wrong, where it is, and how to fix it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Where in a configuration: ("plugins", 0, "ipam", "rangeStart")."""


class Severity(enum.StrEnum):
    """What a finding does at admission: refuse the object, warn on the terminal, or nothing."""

    DENY = "deny"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Rule:
    """A thing that the validator looks for. `id` is stable: users silence, search and cite it."""

    id: str
    severity: Severity
    summary: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    `path` points into the configuration (empty: the whole of it), `offset` into its text (None: no place in the text, as
    for a key that is missing from the whole); `problem` says what is wrong and why it would fail, `fix` what to do.
    """

    rule: Rule
    path: Path
    problem: str
    fix: str
    offset: int | None = None
    severity: Severity | None = None

    @property
    def effective_severity(self) -> Severity:
        """The severity in force: the rule's, unless this finding has one of its own."""
        return self.severity or self.rule.severity


def path_text(path: Path) -> str:
    """The path as people write it: `plugins[0].ipam.rangeStart`; `config` for the whole."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "config"
