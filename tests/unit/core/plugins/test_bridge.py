"""Findings about bridge."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case, bridge

DENY, WARN = Severity.DENY, Severity.WARN


def routed(*routes: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return bridge(ipam={**HOST_LOCAL, "routes": list(routes)}, **keys)


ADDRESS = {"address": "10.1.2.3/24"}
TWO_SUBNETS = [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}]]

CASES: list[RuleCase] = [
    ("interface-name", DENY, "a bridge name of 16 bytes", bridge(bridge="b" * 16), bridge(bridge="b" * 15)),
    ("interface-name", DENY, "an empty bridge name", bridge(bridge=""), bridge(bridge=None)),
    ("mtu", DENY, "an MTU of 60", bridge(mtu=60), bridge(mtu=0)),
    (
        "keys-exclude-each-other",
        DENY,
        "hairpin and promiscuous mode",
        bridge(hairpinMode=True, promiscMode=True),
        bridge(hairpinMode=True, promiscMode=False),
    ),
    (
        "no-effect",
        WARN,
        "a gateway without addresses",
        bridge(ipam={}, isGateway=True),
        bridge(isGateway=True),
    ),
    (
        "vlan-trunk",
        DENY,
        "half a VLAN range",
        bridge(vlanTrunk=[{"minID": 2}]),
        bridge(vlanTrunk=[{"id": 2}]),
    ),
    ("vlan-trunk", DENY, "null in a trunk", bridge(vlanTrunk=[None]), bridge(vlanTrunk=None)),
    (
        "vlan-trunk",
        DENY,
        "a VLAN range that ends before it starts",
        bridge(vlanTrunk=[{"minID": 9, "maxID": 2}]),
        bridge(vlanTrunk=[]),
    ),
    (
        "default-route-twice",
        DENY,
        "two default routes",
        routed({"dst": "0.0.0.0/0"}, isDefaultGateway=True),
        routed({"dst": "0.0.0.0/0"}, isGateway=True),
    ),
    (
        "bridge-gateway-twice",
        DENY,
        "two IPv4 subnets with gateways",
        bridge(isGateway=True, ipam={"type": "host-local", "ranges": TWO_SUBNETS}),
        bridge(isGateway=True, forceAddress=True, ipam={"type": "host-local", "ranges": TWO_SUBNETS}),
    ),
    (
        "default-gateway",
        DENY,
        "a default route through a gateway outside the subnet",
        bridge(
            isDefaultGateway=True, ipam={"type": "static", "addresses": [{**ADDRESS, "gateway": "10.7.0.1"}]}
        ),
        bridge(
            isDefaultGateway=True, ipam={"type": "static", "addresses": [{**ADDRESS, "gateway": "10.1.2.9"}]}
        ),
    ),
    ("bridge-untagged", WARN, "an empty trunk", bridge(vlanTrunk=[]), bridge(vlanTrunk=None)),
    (
        "bridge-untagged",
        WARN,
        "an empty trunk, unlike one whose untagged frames are in VLAN 1",
        bridge(vlanTrunk=[]),
        bridge(vlanTrunk=[{"id": 5}]),
    ),
    (
        "mac",
        DENY,
        "a multicast MAC address in args",
        bridge(args={"cni": {"mac": "01:00:5e:00:00:01"}}),
        bridge(args={"cni": {"x": 1}}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
