"""Findings about ipvlan."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, STATIC, RuleCase, assert_rule_case, config

DENY, WARN = Severity.DENY, Severity.WARN


def after(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "plugins": [first, second]}


BRIDGE = {"type": "bridge", "ipam": HOST_LOCAL}
MACVLAN = {"type": "macvlan", "master": "eth1"}

CASES: list[RuleCase] = [
    (
        "no-effect",
        WARN,
        "a next hop in layer3",
        config("ipvlan", mode="l3", ipam={**STATIC, "routes": [{"dst": "10.9.0.0/16", "gw": "10.1.2.1"}]}),
        config("ipvlan", mode="l3", ipam={**STATIC, "routes": [{"dst": "10.9.0.0/16"}]}),
    ),
    (
        "ipvlan-shared-mac",
        WARN,
        "ipvlan with DHCP",
        config("ipvlan", master="eth1", ipam={"type": "dhcp"}),
        config("ipvlan", master="eth1", ipam=STATIC),
    ),
    (
        "key-needed",
        DENY,
        "several interfaces to choose from",
        after(BRIDGE, {"type": "ipvlan", "ipam": {}}),
        after(MACVLAN, {"type": "ipvlan"}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
