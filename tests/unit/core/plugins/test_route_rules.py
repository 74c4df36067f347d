"""Findings about routes of an `ipam` section."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, STATIC, RuleCase, assert_rule_case, bridge, macvlan, severities

DENY, WARN = Severity.DENY, Severity.WARN


def routed(*routes: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return bridge(ipam={**HOST_LOCAL, "routes": list(routes)}, **keys)


def routed6(*routes: dict[str, Any]) -> dict[str, Any]:
    return bridge(ipam={"type": "host-local", "subnet": "fd00:1:2::/64", "routes": list(routes)})


def before(*others: dict[str, Any]) -> dict[str, Any]:
    """A bridge with a default route, before other plugins."""
    return {"cniVersion": "1.0.0", "name": "n", "plugins": [routed({"dst": "0.0.0.0/0"}), *others]}


def old(version: str | None, *routes: dict[str, Any]) -> dict[str, Any]:
    return bridge(cniVersion=version, ipam={**HOST_LOCAL, "routes": list(routes)})


ON_LINK = {"dst": "10.7.0.1/32", "scope": 253}
FAR = {"dst": "10.2.0.0/16", "gw": "10.9.0.1"}
NEAR = {"dst": "10.2.0.0/16", "gw": "10.1.2.9"}

CASES: list[RuleCase] = [
    (
        "route",
        DENY,
        "a destination without a prefix length",
        routed({"dst": "10.9.0.0"}),
        routed({"dst": "10.9.0.0/16"}),
    ),
    ("route", DENY, "no destination", routed({"gw": "10.1.2.1"}), routed()),
    (
        "route",
        DENY,
        "host bits in a destination",
        routed({"dst": "10.9.0.5/16"}),
        routed({"dst": "10.9.0.5/32"}),
    ),
    (
        "route-twice",
        DENY,
        "a duplicate route",
        routed(*[{"dst": "10.9.0.0/16"}] * 2),
        routed({"dst": "10.9.0.0/16"}),
    ),
    (
        "route-gateway",
        DENY,
        "a next hop in another subnet",
        routed({"dst": "10.9.0.0/16", "gw": "10.7.0.1"}),
        routed({"dst": "10.9.0.0/16", "gw": "10.1.2.1"}),
    ),
    (
        "route-gateway",
        DENY,
        "a next hop of the other IP family",
        routed({"dst": "10.9.0.0/16", "gw": "fd00::1"}),
        macvlan(ipam={**STATIC, "routes": [ON_LINK, {"dst": "10.9.0.0/16", "gw": "10.7.0.1"}]}),
    ),
    ("route-default", WARN, "a default route", routed({"dst": "0.0.0.0/0"}), routed({"dst": "10.0.0.0/8"})),
    (
        "route-default",
        WARN,
        "a default route that stays in the main table",
        before({"type": "sbr", "table": 100}),
        before({"type": "sbr"}),
    ),
    (
        "route-default",
        WARN,
        "a default route that is not deleted",
        before({"type": "route-override", "delroutes": [{"dst": "10.0.0.0/8"}]}),
        before({"type": "route-override", "delroutes": [{"dst": "0.0.0.0/0"}]}),
    ),
    (
        "route-default",
        WARN,
        "a default route before plugins that do not touch it",
        before({"type": "route-override"}, {"type": "tuning"}),
        before({"type": "tuning"}, {"type": "route-override", "flushroutes": True}),
    ),
    (
        "route-default",
        WARN,
        "a default route with the usual metric",
        routed({"dst": "0.0.0.0/0", "priority": 0}),
        routed({"dst": "0.0.0.0/0", "priority": 100}),
    ),
    (
        "route-default",
        WARN,
        "a default route with a metric below that of IPv6",
        routed6({"dst": "::/0", "priority": 100}),
        routed6({"dst": "::/0", "priority": 2048}),
    ),
    (
        "route-default",
        WARN,
        "a default route in the main table by number",
        routed({"dst": "0.0.0.0/0", "table": 254}),
        routed({"dst": "0.0.0.0/0", "table": 100}),
    ),
    *(
        (rule, DENY, f"{what}, {version}", old(version, *bad), old(version, NEAR))
        for version in ("0.1.0", "0.2.0", None)
        for rule, what, bad in (
            ("route", "no prefix length", [{"dst": "10.2.0.0"}]),
            ("route", "host bits", [{"dst": "10.2.3.4/16"}]),
            ("route-gateway", "a next hop with a prefix length", [{**NEAR, "gw": "10.1.2.9/24"}]),
            ("route-gateway", "an unreachable next hop", [FAR]),
            ("route-twice", "a duplicate route", [NEAR, NEAR]),
        )
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)


def test_routes_that_an_old_result_drops_are_only_warnings() -> None:
    """A result before CNI 0.3.0 drops routes of an IP family without an address, here of IPv6."""
    duplicate = [{"dst": "2001:db8:1::/48", "gw": "2001:db8::1"}] * 2

    assert {WARN} == severities("route-twice", old("0.2.0", *duplicate))
    assert {DENY} == severities("route-twice", old("0.3.1", *duplicate))
