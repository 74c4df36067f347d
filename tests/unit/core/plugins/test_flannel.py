"""Findings about flannel."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, config

DENY, WARN = Severity.DENY, Severity.WARN


CASES: list[RuleCase] = [
    (
        "flannel-delegate",
        DENY,
        "a name in the delegate",
        config("flannel", delegate={"name": "n"}),
        config("flannel", delegate={"isDefaultGateway": True}),
    ),
    (
        "flannel-delegate",
        DENY,
        "an ipam in the delegate",
        config("flannel", delegate={"ipam": {}}),
        config("flannel", ipam={"routes": []}, delegate={}),
    ),
    (
        "flannel-state-shared",
        WARN,
        "state shared with the default network",
        config("flannel"),
        config("flannel", dataDir="/var/lib/x"),
    ),
    *[
        ("schema", DENY, why, config("flannel", delegate=bad), config("flannel", delegate=good))
        for why, bad, good in (
            (
                "a boolean in quotes in the delegate",
                {"isDefaultGateway": "true"},
                {"isDefaultGateway": True},
            ),
            ("an MTU in quotes in the delegate", {"mtu": "1400"}, {"mtu": 1400, "cniVersion": 5}),
            (
                "a mode of another plugin in the delegate",
                {"type": "macvlan", "mode": "l2"},
                {"type": "ipvlan", "mode": "l2"},
            ),
            ("a number as the delegate's type", {"type": 5}, {"type": "other", "mtu": "1400"}),
        )
    ],
    (
        "key-misspelt",
        WARN,
        "a misspelt key in the delegate",
        config("flannel", delegate={"isDefaultGatway": True}),
        config("flannel", delegate={"isDefaultGateway": True}),
    ),
    (
        "route",
        DENY,
        "a route without a prefix length",
        config("flannel", ipam={"routes": [{"dst": "10.9.0.0"}]}),
        config("flannel", ipam={"routes": [{"dst": "10.9.0.0/16"}]}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
