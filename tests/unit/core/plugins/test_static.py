"""Findings about static."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import STATIC, RuleCase, assert_rule_case, macvlan, severities

DENY, WARN, ADVICE = Severity.DENY, Severity.WARN, Severity.ADVICE


def static(*entries: dict[str, str]) -> dict[str, Any]:
    return macvlan(ipam={"type": "static", "addresses": list(entries)})


def addressed(*texts: str) -> dict[str, Any]:
    return static(*({"address": text} for text in texts))


CASES: list[RuleCase] = [
    (
        "address-odd",
        WARN,
        "the network address",
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.0/24"}]}),
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.0/31"}]}),
    ),
    (
        "static-address",
        DENY,
        "an address without a prefix length",
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.3"}]}),
        macvlan(ipam=STATIC),
    ),
    (
        "static-address-twice",
        DENY,
        "a duplicate address",
        macvlan(ipam={"type": "static", "addresses": STATIC["addresses"] * 2}),  # type: ignore[operator]  # it is a list
        macvlan(ipam=STATIC),
    ),
    (
        "static-no-address",
        ADVICE,
        "no addresses",
        macvlan(ipam={"type": "static"}),
        macvlan(ipam={"type": "static"}, capabilities={"ips": True}),
    ),
    (
        "static-gateway-outside-subnet",
        WARN,
        "a gateway outside the subnet of its address",
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.3.1"}]}),
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}]}),
    ),
    (
        "static-address-twice",
        DENY,
        "an IPv6 address with two prefix lengths",
        addressed("fd00::5/64", "fd00::5/48"),
        addressed("10.1.2.3/24", "10.1.2.3/16", "fd00::5/64", "fd00::6/64"),
    ),
    (
        "no-effect",
        WARN,
        "a version next to an address",
        static({"address": "10.1.2.3/24", "version": "4"}),
        addressed("10.1.2.3/24"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)


def test_a_loopback_address_is_denied_for_ipv6_and_only_a_warning_for_ipv4() -> None:
    """The kernel refuses ::1 on another interface, and accepts 127.0.0.2."""
    assert {DENY} == severities("address-odd", addressed("::1/128"))
    assert {WARN} == severities("address-odd", addressed("127.0.0.2/8"))
