"""All rules of `netattach lint`: those of the webhooks, and those for files alone."""

from __future__ import annotations

from netattach_core import admission
from netattach_core.text.finding import Rule, Severity
from netattach_core.validation.validator import RULES

NAD_TWICE = Rule("nad-twice", Severity.WARN, "two NetworkAttachmentDefinitions of one name")
IGNORE_INVALID = Rule(
    "ignore-invalid", Severity.WARN, "an ignore comment that has no effect because it is not valid"
)
IGNORE_UNUSED = Rule("ignore-unused", Severity.WARN, "an ignore comment without a finding that it silences")

COMMENT_RULES = (IGNORE_INVALID, IGNORE_UNUSED)
FILE_RULES = (NAD_TWICE, *COMMENT_RULES)
"""Rules that no webhook has: they are about several objects, or about the text of a file."""

RULES_BY_ID = {rule.id: rule for rule in (*RULES, *admission.RULES, *admission.POLICY_RULES, *FILE_RULES)}
ALL_RULES: tuple[Rule, ...] = tuple(RULES_BY_ID.values())
