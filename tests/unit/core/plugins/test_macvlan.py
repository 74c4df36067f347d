"""Findings about macvlan."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import STATIC, RuleCase, assert_rule_case, bridge, macvlan

DENY, WARN = Severity.DENY, Severity.WARN


CASES: list[RuleCase] = [
    ("mtu", DENY, "a negative MTU", macvlan(mtu=-1), bridge(mtu=-1)),
    ("mac", DENY, "an invalid MAC address", macvlan(mac="02:00"), macvlan(mac="02:00:00:00:00:01")),
    ("mac", DENY, "a multicast MAC address", macvlan(mac="01:00:5e:00:00:01"), macvlan(mac="")),
    ("one-pod-per-node", WARN, "passthru", macvlan(mode="passthru"), macvlan(mode="bridge")),
    (
        "one-pod-per-node",
        WARN,
        "passthru on a master of the node",
        macvlan(mode="passthru"),
        macvlan(mode="passthru", linkInContainer=True),
    ),
    (
        "no-effect",
        WARN,
        "dns that macvlan drops",
        macvlan(ipam={**STATIC, "dns": {"domain": "lab"}}),
        bridge(ipam={**STATIC, "dns": {"domain": "lab"}}),
    ),
    (
        "interface-name",
        DENY,
        "a path as master",
        macvlan(master="/sys/class/net/eth1"),
        macvlan(master="eth1.7"),
    ),
    ("interface-name", DENY, "a template", macvlan(master="{{ .Values.nic }}"), macvlan(master="eno1np0")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
