"""Findings about vlan."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import STATIC, RuleCase, assert_rule_case, config

DENY, WARN = Severity.DENY, Severity.WARN


CASES: list[RuleCase] = [
    (
        "key-needed",
        DENY,
        "vlan without master",
        config("vlan", vlanId=7, ipam=STATIC),
        config("vlan", master="e", ipam=STATIC),
    ),
    (
        "vlan-id-missing",
        WARN,
        "no VLAN ID",
        config("vlan", master="eth1", ipam=STATIC),
        config("vlan", master="eth1", vlanId=7, ipam=STATIC),
    ),
    (
        "one-pod-per-node",
        WARN,
        "one VLAN on a master of the node",
        config("vlan", master="eth1", vlanId=7, ipam=STATIC),
        config("vlan", master="net1", vlanId=7, linkInContainer=True, ipam=STATIC),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
