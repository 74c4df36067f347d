"""Findings about calico."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, config

WARN = Severity.WARN


CASES: list[RuleCase] = [
    ("calico-second-endpoint", WARN, "calico in a secondary network", config("calico"), config("cilium-cni")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
