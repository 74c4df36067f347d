"""Findings about host-local."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case, bridge, macvlan, ranged

DENY, WARN, ADVICE = Severity.DENY, Severity.WARN, Severity.ADVICE


def sets(*ranges: list[dict[str, str]], version: str = "1.0.0") -> dict[str, Any]:
    return bridge(cniVersion=version, ipam={"type": "host-local", "ranges": ranges})


CASES: list[RuleCase] = [
    (
        "key-value",
        WARN,
        "a relative directory of leases",
        ranged(dataDir="leases"),
        ranged(dataDir="/leases"),
    ),
    ("ranges-missing", DENY, "host-local without a range", bridge(ipam={"type": "host-local"}), bridge()),
    ("range-subnet", DENY, "calico's usePodCidr without calico", ranged(subnet="usePodCidr"), ranged()),
    ("ranges-missing", DENY, "an empty range set", sets([]), sets([{"subnet": "10.1.2.0/24"}])),
    ("range-subnet", DENY, "a subnet without a prefix length", ranged(subnet="10.1.2.0"), ranged()),
    (
        "range-subnet",
        DENY,
        "a netmask",
        ranged(subnet="10.1.2.0/255.255.255.0"),
        ranged(subnet="10.1.2.0/024"),
    ),
    ("range-subnet", DENY, "a leading zero", ranged(subnet="10.01.2.0/24"), ranged(subnet="fd00::/64")),
    ("range-subnet", DENY, "host bits", ranged(subnet="10.1.2.5/24"), ranged(subnet="10.1.2.0/30")),
    ("range-subnet", DENY, "a /31", ranged(subnet="10.1.2.0/31"), ranged(subnet="fd00::/126")),
    ("range-subnet", DENY, "IPv4 in IPv6 notation", ranged(subnet="::ffff:10.1.2.0/120"), ranged()),
    (
        "range-address",
        DENY,
        "a gateway with a prefix length",
        ranged(gateway="10.1.2.1/24"),
        ranged(gateway=""),
    ),
    (
        "range-outside-subnet",
        DENY,
        "a start outside",
        ranged(rangeStart="10.1.3.1"),
        ranged(rangeStart="10.1.2.9"),
    ),
    (
        "range-order",
        DENY,
        "an end before the start",
        ranged(rangeStart="10.1.2.9", rangeEnd="10.1.2.8"),
        ranged(rangeStart="10.1.2.9", rangeEnd="10.1.2.9"),
    ),
    (
        "range-gateway-outside-subnet",
        DENY,
        "a gateway outside",
        ranged(gateway="10.1.3.1"),
        ranged(gateway="10.1.2.9"),
    ),
    (
        "range-edge",
        WARN,
        "the broadcast address",
        ranged(rangeEnd="10.1.2.255"),
        ranged(rangeEnd="10.1.2.254"),
    ),
    (
        "range-overlap",
        DENY,
        "two overlapping sets",
        sets([{"subnet": "10.1.0.0/16"}], [{"subnet": "10.1.2.0/24"}]),
        sets(
            [{"subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.9"}],
            [{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10"}],
        ),
    ),
    (
        "range-family",
        DENY,
        "both IP families in one set",
        sets([{"subnet": "10.1.2.0/24"}, {"subnet": "fd00::/64"}]),
        sets([{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00::/64"}]),
    ),
    (
        "range-no-room",
        DENY,
        "only the gateway",
        ranged(rangeStart="10.1.2.1", rangeEnd="10.1.2.1"),
        ranged(rangeStart="10.1.2.2", rangeEnd="10.1.2.2"),
    ),
    (
        "addresses-per-version",
        DENY,
        "two sets in an old CNI version",
        sets([{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}], version="0.2.0"),
        sets([{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00::/64"}], version="0.2.0"),
    ),
    ("leases-per-node", ADVICE, "macvlan with host-local", macvlan(ipam=HOST_LOCAL), bridge()),
    (
        "range-subnet",
        DENY,
        "multicast addresses",
        bridge(ipam={"type": "host-local", "subnet": "ff00::/64"}),
        bridge(ipam={"type": "host-local", "subnet": "fd00::/64"}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
