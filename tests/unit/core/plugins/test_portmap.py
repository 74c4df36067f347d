"""Findings about portmap."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, bridge, config

WARN = Severity.WARN


PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}

CASES: list[RuleCase] = [
    (
        "no-effect",
        WARN,
        "portmap without addresses",
        {"cniVersion": "1.0.0", "plugins": [config("bridge"), PORTMAP]},
        {"cniVersion": "1.0.0", "plugins": [bridge(), PORTMAP]},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
