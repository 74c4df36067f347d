"""Findings about ovs."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, config

DENY, WARN = Severity.DENY, Severity.WARN


def ovs(**keys: Any) -> dict[str, Any]:
    return config("ovs", **{"bridge": "br1", **keys})


CASES: list[RuleCase] = [
    (
        "key-needed",
        DENY,
        "a trunk entry without a VLAN",
        config("ovs", bridge="b", trunk=[{}]),
        config("ovs", bridge="b", trunk=[{"id": 5}]),
    ),
    ("key-value", DENY, "null in a trunk", ovs(trunk=[{"id": 5}, None]), ovs(trunk=None)),
    (
        "key-needed",
        DENY,
        "half a VLAN range",
        ovs(trunk=[{"minID": 100}]),
        ovs(trunk=[{"minID": 100, "maxID": 100}]),
    ),
    (
        "key-needed",
        DENY,
        "a VLAN range from 0",
        ovs(trunk=[{"minID": 0, "maxID": 100}]),
        ovs(trunk=[{"minID": 0, "maxID": 100}, {"id": 0}]),
    ),
    ("key-value", DENY, "a tag that OVSDB refuses", ovs(vlan=5000), ovs(vlan=4095)),
    (
        "key-value",
        WARN,
        "a tag that a trunk in a file of the node may replace",
        ovs(vlan=5000, configuration_path="/etc/ovs.conf"),
        ovs(vlan=5000, trunk=[{"id": 5}]),
    ),
    (
        "no-effect",
        WARN,
        "half a VLAN range next to a VLAN",
        ovs(trunk=[{"maxID": 100}, {"id": 5}]),
        ovs(trunk=[{"minID": 1, "maxID": 100}, {"id": 5}]),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
