"""Findings about loopback."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, macvlan

DENY = Severity.DENY


CASES: list[RuleCase] = [
    (
        "loopback",
        DENY,
        "the loopback as master",
        macvlan(master="lo"),
        macvlan(master="lo", linkInContainer=True),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
