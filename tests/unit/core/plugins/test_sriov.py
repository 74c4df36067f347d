"""Findings about sriov."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, config

DENY = Severity.DENY


SRIOV = config("sriov", deviceID="0000:af:06.1")

CASES: list[RuleCase] = [
    (
        "key-value",
        DENY,
        "a VLAN protocol",
        {**SRIOV, "vlan": 5, "vlanProto": "802"},
        {**SRIOV, "vlan": 5, "vlanProto": "802.1Q"},
    ),
    ("device-missing", DENY, "sriov without device", config("sriov"), SRIOV),
    (
        "key-value",
        DENY,
        "the ID of a model, and not the address of a device",
        {**SRIOV, "deviceID": "1017"},
        {**SRIOV, "deviceID": "", "capabilities": {"deviceID": True}},
    ),
    (
        "key-value",
        DENY,
        "an address without a function",
        {**SRIOV, "deviceID": "0000:03:02"},
        {**SRIOV, "deviceID": "10000:e1:00.0"},
    ),
    (
        "key-value",
        DENY,
        "the same for InfiniBand",
        config("ib-sriov", deviceID="mlx5_2"),
        config("ib-sriov", deviceID="0000:05:00.6"),
    ),
    ("schema", DENY, "an MTU in quotes", {**SRIOV, "mtu": "1500"}, {**SRIOV, "mtu": 1500}),
    (
        "key-value",
        DENY,
        "an empty VLAN protocol",
        {**SRIOV, "vlan": 5, "vlanProto": ""},
        {**SRIOV, "vlan": 5, "vlanProto": None},
    ),
    (
        "key-needed",
        DENY,
        "an empty VLAN protocol without a VLAN",
        {**SRIOV, "vlanProto": ""},
        {**SRIOV, "vlanProto": None},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
