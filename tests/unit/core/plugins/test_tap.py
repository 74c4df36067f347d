"""Findings about tap."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case, config

DENY = Severity.DENY


V6 = {"type": "host-local", "subnet": "2001:db8::/64"}

CASES: list[RuleCase] = [
    (
        "mtu",
        DENY,
        "an MTU too small for IPv6",
        config("tap", mtu=1000, ipam=V6),
        config("tap", mtu=1000, ipam=HOST_LOCAL),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
