"""Findings about ptp."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, config

DENY = Severity.DENY


def ptp(*addresses: str, gateway: str = "10.1.2.1", **keys: Any) -> dict[str, Any]:
    entries = [{"address": address, "gateway": gateway} for address in addresses]
    return config("ptp", ipam={"type": "static", "addresses": entries}, **keys)


V6 = {"type": "host-local", "subnet": "2001:db8::/64"}

CASES: list[RuleCase] = [
    (
        "mtu",
        DENY,
        "an MTU too small for IPv6",
        config("ptp", mtu=1000, ipam=V6),
        config("ptp", mtu=1280, ipam=V6),
    ),
    (
        "key-value",
        DENY,
        "a subnet of one address",
        ptp("10.1.2.3/32"),
        ptp("10.1.2.3/31", gateway="10.1.2.2"),
    ),
    ("key-value", DENY, "two addresses in one subnet", ptp("10.1.2.3/24", "10.1.2.4/24"), ptp("10.1.2.3/24")),
    (
        "key-value",
        DENY,
        "a gateway of the other IP family",
        ptp("10.1.2.3/24", gateway="fd00::1"),
        ptp("10.1.2.3/24"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
