"""Findings about dhcp."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, macvlan

DENY = Severity.DENY


def dhcp(option: str) -> dict[str, Any]:
    return macvlan(ipam={"type": "dhcp", "provide": [{"option": option, "value": "x"}]})


CASES: list[RuleCase] = [
    ("dhcp-option", DENY, "an unsupported option", dhcp("hostname"), dhcp("host-name")),
    ("dhcp-option", DENY, "an option above 255", dhcp("256"), dhcp("12")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
