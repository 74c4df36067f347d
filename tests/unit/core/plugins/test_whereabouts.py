"""Findings about whereabouts."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, bridge, config, macvlan

DENY, WARN, ADVICE = Severity.DENY, Severity.WARN, Severity.ADVICE


def whereabouts(**keys: Any) -> dict[str, Any]:
    return macvlan(ipam={"type": "whereabouts", "range": "10.1.2.0/24", **keys})


def ranges(**keys: Any) -> dict[str, Any]:
    """The same range in `ipRanges`."""
    return whereabouts(range=None, ipRanges=[{"range": "10.1.2.0/24", **keys}])


def routed(gw: str, **keys: Any) -> dict[str, Any]:
    return whereabouts(routes=[{"dst": "10.9.0.0/16", "gw": gw}], **keys)


BOND = config("bond", miimon="100", mode="802.3ad", links=[{"name": "net1"}, {"name": "net2"}])
WHEREABOUTS = {"type": "whereabouts", "range": "10.1.2.0/24"}
DNS = {"nameservers": ["10.1.2.2"]}
HALVES = ["10.1.2.0/25", "10.1.2.128/25"]

CASES: list[RuleCase] = [
    *[
        (
            "whereabouts-range",
            severity,
            why,
            macvlan(ipam={**WHEREABOUTS, **bad}),
            macvlan(ipam={**WHEREABOUTS, **good}),
        )
        for severity, why, bad, good in (
            (DENY, "an invalid exclusion", {"exclude": ["x"]}, {"exclude": ["10.1.2.0/29"]}),
            (
                WARN,
                "an exclusion without a prefix length",
                {"exclude": ["10.1.2.7"]},
                {"exclude": ["10.1.2.7/32"]},
            ),
            (
                DENY,
                "an exclusion of the whole range",
                {"exclude": ["10.1.0.0/16"]},
                {"exclude": ["10.1.2.0/25"]},
            ),
            (WARN, "a slice larger than its range", {"node_slice_size": "/22"}, {"node_slice_size": "26"}),
            (DENY, "a slice size that is not a number", {"node_slice_size": "x"}, {"node_slice_size": ""}),
            (
                DENY,
                "a slice of an IPv6 range",
                {"range": "fd00::/64", "node_slice_size": "/26"},
                {"range": "fd00::/64"},
            ),
            (DENY, "an invalid object name", {"network_name": "My_Net"}, {"network_name": "my-net"}),
        )
    ],
    (
        "whereabouts-range",
        DENY,
        "an invalid range",
        macvlan(ipam={**WHEREABOUTS, "range": "10.1.2.0"}),
        macvlan(ipam={**WHEREABOUTS, "range": "10.1.2.5-10.1.2.9/24"}),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "a start outside",
        macvlan(ipam={**WHEREABOUTS, "range_start": "10.1.3.5"}),
        macvlan(ipam={**WHEREABOUTS, "range_start": "10.1.2.5"}),
    ),
    (
        "whereabouts-range",
        DENY,
        "spaces in a range",
        whereabouts(range="10.1.2.5 - 10.1.2.9/24"),
        whereabouts(range="10.1.2.5-10.1.2.9/24"),
    ),
    ("whereabouts-range", DENY, "no ranges", whereabouts(range=None, ipRanges=[]), whereabouts(ipRanges=[])),
    (
        "whereabouts-range",
        WARN,
        "a duplicate range",
        whereabouts(ipRanges=[{"range": "10.1.2.0/24"}]),
        whereabouts(ipRanges=[{"range": "10.1.3.0/24"}]),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "an exclusion outside the range",
        whereabouts(exclude=["10.1.3.0/28"]),
        whereabouts(exclude=["10.1.2.0/28"]),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "an exclusion with slices",
        whereabouts(exclude=["10.1.2.0/28"], node_slice_size="/26"),
        whereabouts(node_slice_size="/26"),
    ),
    (
        "whereabouts-range",
        DENY,
        "a start in ipRanges with a prefix length",
        ranges(range_start="10.1.2.5/24"),
        ranges(range_start="10.1.2.5"),
    ),
    (
        "whereabouts-range",
        DENY,
        "an invalid end in ipRanges",
        ranges(range_end="x"),
        ranges(range_end=""),
    ),
    (
        "whereabouts-range",
        WARN,
        "an end in ipRanges with leading zeros",
        ranges(range_end="10.1.2.09"),
        whereabouts(range_end="10.1.2.09"),
    ),
    ("whereabouts-range", DENY, "ipRanges without range", ranges(range=None), ranges()),
    (
        "whereabouts-range-ignored",
        WARN,
        "an invalid start",
        whereabouts(range_start="10.1.2"),
        whereabouts(range_start="10.1.2.7"),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "a start with a prefix length",
        whereabouts(range_start="10.1.2.7/24"),
        whereabouts(range_start=""),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "an end before the start",
        whereabouts(range_start="10.1.2.9", range_end="10.1.2.8"),
        whereabouts(range_start="10.1.2.9", range_end="10.1.2.9"),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "an end before the start in range itself",
        whereabouts(range="10.1.2.9-10.1.2.8/24"),
        whereabouts(range="10.1.2.8-10.1.2.9/24"),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "an end although range has its own",
        whereabouts(range="10.1.2.8-10.1.2.9/24", range_end="10.1.2.20"),
        whereabouts(range="10.1.2.8-10.1.2.20/24"),
    ),
    (
        "whereabouts-range",
        DENY,
        "exclusions that cover the range together",
        whereabouts(exclude=HALVES),
        whereabouts(exclude=["10.1.2.0/25", "10.1.2.128/26", "fd00::/8"]),
    ),
    (
        "whereabouts-range",
        DENY,
        "an exclusion of all assignable addresses",
        ranges(range_start="10.1.2.4", range_end="10.1.2.7", exclude=["10.1.2.4/30"]),
        ranges(range_start="10.1.2.4", range_end="10.1.2.8", exclude=["10.1.2.4/30"]),
    ),
    (
        "whereabouts-range",
        WARN,
        "an exclusion of everything with slices",
        whereabouts(exclude=HALVES, node_slice_size="/26"),
        whereabouts(exclude=HALVES[:1], node_slice_size="/26"),
    ),
    (
        "range-gateway-outside-subnet",
        ADVICE,
        "a gateway outside the range that nothing uses",
        whereabouts(gateway="10.1.3.1"),
        whereabouts(gateway="10.1.3.1", addresses=[{"address": "10.1.3.7/24"}]),
    ),
    (
        "range-gateway-outside-subnet",
        WARN,
        "a gateway outside the range that a route uses",
        whereabouts(gateway="10.1.3.1", routes=[{"dst": "10.9.0.0/16"}]),
        whereabouts(gateway="10.1.2.1", routes=[{"dst": "10.9.0.0/16"}]),
    ),
    (
        "route-gateway",
        WARN,
        "a next hop outside the range",
        routed("10.1.3.1"),
        routed("10.1.3.1", ipRanges=[{"range": "10.1.3.0/24"}]),
    ),
    ("route-gateway", WARN, "the broadcast address as next hop", routed("10.1.2.255"), routed("10.1.2.1")),
    (
        "route-gateway",
        WARN,
        "a gateway outside the range, used by a route",
        whereabouts(gateway="10.1.3.1", routes=[{"dst": "10.9.0.0/16"}]),
        whereabouts(gateway="10.1.2.1", routes=[{"dst": "10.9.0.0/16"}]),
    ),
    (
        "route-gateway",
        DENY,
        "a next hop of the other IP family",
        routed("fd00::1"),
        routed("10.1.3.1", configuration_path="/etc/whereabouts.conf"),
    ),
    (
        "no-effect",
        WARN,
        "dns that macvlan drops",
        whereabouts(dns=DNS),
        bridge(ipam={"type": "whereabouts", "range": "10.1.2.0/24", "dns": DNS}),
    ),
    (
        "no-effect",
        WARN,
        "dns that bond drops",
        {**BOND, "ipam": {"type": "whereabouts", "range": "10.1.2.0/24", "dns": DNS}},
        {**BOND, "ipam": {"type": "whereabouts", "range": "10.1.2.0/24"}, "dns": DNS},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
