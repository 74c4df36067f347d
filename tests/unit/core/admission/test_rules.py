"""The rules of admission and of the validator."""

from __future__ import annotations

from typing import Any

from netattach_core import admission
from netattach_core.text.finding import Finding
from netattach_core.validation import validator


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


def test_rule_ids_are_unique() -> None:
    names = rules([Finding(rule, (), "", "") for rule in (*admission.RULES, *validator.RULES)])

    assert len(set(names)) == len(names)
