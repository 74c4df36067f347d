"""The severities that the user of the linter asks for: `--severity RULE=SEVERITY`, and `severities` in .netattach.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netattach_cli.lint.rules import RULES_BY_ID
from netattach_core.text import suggestions
from netattach_core.text.finding import Severity

_WORDS = {"deny": Severity.DENY, "warn": Severity.WARN, "off": Severity.OFF, False: Severity.OFF}
"""YAML reads a bare `off` as false."""


class SeverityError(ValueError):
    """A severity that cannot be set; the message says why."""


def from_options(options: Iterable[str]) -> dict[str, Severity]:
    """From `RULE=SEVERITY`; of two for one rule the last one counts. Raises SeverityError."""
    found: dict[str, Severity] = {}
    for option in options:
        rule, equals, word = (part.strip() for part in option.partition("="))
        if not equals:
            raise SeverityError(f"--severity {option}: write RULE=deny, RULE=warn or RULE=off")
        found |= from_mapping({rule: word})
    return found


def from_mapping(words: Mapping[Any, Any]) -> dict[str, Severity]:
    """From a mapping of rule ids to `deny`, `warn` or `off`. Raises SeverityError."""
    return {_rule(rule): _severity(rule, word) for rule, word in words.items()}


def _rule(rule: Any) -> str:
    known = RULES_BY_ID.get(rule) if isinstance(rule, str) else None
    if known is None:
        raise SeverityError(unknown_rule(str(rule)))
    if known.policy:
        raise SeverityError(
            f"the policy of the namespace decides on {rule}: give other settings with --settings"
        )
    return known.id


def unknown_rule(rule: str) -> str:
    """The message for an id that no rule has."""
    close = suggestions.closest(rule[:100], RULES_BY_ID)
    fix = f"did you mean `{close}`?" if close else "`netattach rules` lists all"
    return f"there is no rule `{rule[:100]}`; {fix}"


def _severity(rule: Any, word: Any) -> Severity:
    found = _WORDS.get(word) if isinstance(word, str | bool) else None
    if found is None:
        raise SeverityError(f"severity {str(word)[:100]!r} of {rule} is not one of deny, warn, off")
    return found
