"""Findings about bond."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, config

DENY, WARN = Severity.DENY, Severity.WARN


BOND = config("bond", miimon="100", mode="802.3ad", links=[{"name": "net1"}, {"name": "net2"}])

CASES: list[RuleCase] = [
    (
        "keys-exclude-each-other",
        DENY,
        "tlbDynamicLb in another mode",
        {**BOND, "tlbDynamicLb": 1},
        {**BOND, "tlbDynamicLb": 1, "mode": "balance-tlb"},
    ),
    ("bond-links", DENY, "a bond of one link", {**BOND, "links": [{"name": "net1"}]}, BOND),
    ("key-needed", DENY, "no mode", {**BOND, "mode": None}, BOND),
    ("key-needed", DENY, "an empty mode", {**BOND, "mode": ""}, {**BOND, "mode": "balance-rr"}),
    ("key-needed", DENY, "a link without a name", {**BOND, "links": [{"name": "net1"}, {}]}, BOND),
    (
        "key-needed",
        DENY,
        "a link name with the key in capitals",
        {**BOND, "links": [{"Name": "a"}, {"name": "b"}]},
        BOND,
    ),
    ("schema", DENY, "a list as mode", {**BOND, "mode": []}, BOND),
    ("schema", DENY, "an object as link name", {**BOND, "links": [{"name": "a"}, {"name": {}}]}, BOND),
    ("bond-links", DENY, "a duplicate link", {**BOND, "links": [{"name": "a"}, {"name": "a"}]}, BOND),
    (
        "bond-links",
        WARN,
        "a duplicate link in the pod",
        {**BOND, "linksInContainer": True, "links": [{"name": "a"}, {"name": "a"}]},
        {**BOND, "linksInContainer": True, "links": [{"name": "a"}, {"name": "A"}]},
    ),
    ("mtu", DENY, "a small MTU", {**BOND, "mtu": 67}, {**BOND, "mtu": 68}),
    ("mtu", DENY, "a negative MTU", {**BOND, "mtu": -1}, {**BOND, "mtu": 0}),
    (
        "key-value",
        DENY,
        "an empty hash policy",
        {**BOND, "xmitHashPolicy": ""},
        {**BOND, "xmitHashPolicy": None},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
