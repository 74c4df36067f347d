"""What the reference plugins were seen to refuse (release 1.9.1, in namespaces) is denied, and what is like it passes."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, bridge, conf, macvlan, validated

V6 = {"type": "host-local", "subnet": "2001:db8::/64"}


def ptp(*addresses: str, gateway: str = "10.1.2.1", **keys: Any) -> dict[str, Any]:
    given = [{"address": address, "gateway": gateway} for address in addresses]
    return conf("ptp", ipam={"type": "static", "addresses": given}, **keys)


def old(version: str | None, *routes: dict[str, Any]) -> dict[str, Any]:
    return bridge(cniVersion=version, ipam={**HOST_LOCAL, "routes": list(routes)})


def after(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "plugins": [first, second]}


BRIDGE = {"type": "bridge", "ipam": HOST_LOCAL}
MACVLAN = {"type": "macvlan", "master": "eth1"}
IPVLAN = {"type": "ipvlan", "master": "eth1", "ipam": HOST_LOCAL}
FAR = {"dst": "10.2.0.0/16", "gw": "10.9.0.1"}
NEAR = {"dst": "10.2.0.0/16", "gw": "10.1.2.9"}

CASES: list[tuple[str, str, Any, Any]] = [
    ("main-twice", "two bridges", after(BRIDGE, BRIDGE), after(BRIDGE, {"type": "tuning"})),
    (
        "main-twice",
        "macvlan behind bridge",
        after(BRIDGE, MACVLAN),
        after({**BRIDGE, "ipam": {}, "disableContainerInterface": True}, MACVLAN),
    ),
    ("main-twice", "ipvlan of its own", after(MACVLAN, IPVLAN), after(MACVLAN, {**IPVLAN, "master": None})),
    (
        "main-twice",
        "a card behind bridge",
        after(BRIDGE, {"type": "host-device", "device": "eth2"}),
        after(BRIDGE, {"type": "host-device", "pciBusID": "0000:00:1f.6"}),
    ),
    (
        "key-needed",
        "ipvlan of several",
        after(BRIDGE, {"type": "ipvlan", "ipam": {}}),
        after(MACVLAN, {"type": "ipvlan"}),
    ),
    (
        "key-value",
        "a blank in a chain's name",
        after(BRIDGE, {"type": "firewall", "iptablesAdminChainName": "ADMIN CHAIN"}),
        after(BRIDGE, {"type": "firewall", "iptablesAdminChainName": "CNI-ADMIN"}),
    ),
    (
        "address-odd",
        "the loopback's address",
        bridge(ipam={"type": "static", "addresses": [{"address": "::1/128"}]}),
        bridge(ipam={"type": "static", "addresses": [{"address": "127.0.0.2/8"}]}),
    ),
    (
        "range-subnet",
        "group addresses",
        bridge(ipam={"type": "host-local", "subnet": "ff00::/64"}),
        bridge(ipam={"type": "host-local", "subnet": "fd00::/64"}),
    ),
    ("interface-name", "a path as master", macvlan(master="/sys/class/net/eth1"), macvlan(master="eth1.7")),
    ("interface-name", "a template", macvlan(master="{{ .Values.nic }}"), macvlan(master="eno1np0")),
    ("interface-name", "a blank", conf("host-device", device="eth1 "), conf("host-device", device="eth1")),
    ("mtu", "IPv6 on a small ptp", conf("ptp", mtu=1000, ipam=V6), conf("ptp", mtu=1280, ipam=V6)),
    ("mtu", "IPv6 on a small tap", conf("tap", mtu=1000, ipam=V6), conf("tap", mtu=1000, ipam=HOST_LOCAL)),
    ("key-value", "a ptp to itself", ptp("10.1.2.3/32"), ptp("10.1.2.3/31", gateway="10.1.2.2")),
    ("key-value", "ptp twice", ptp("10.1.2.3/24", "10.1.2.4/24"), ptp("10.1.2.3/24")),
    ("key-value", "ptp over another IP", ptp("10.1.2.3/24", gateway="fd00::1"), ptp("10.1.2.3/24")),
    *(
        (rule, f"{what}, {version}", old(version, *bad), old(version, NEAR))
        for version in ("0.1.0", "0.2.0", None)
        for rule, what, bad in (
            ("route", "no prefix", [{"dst": "10.2.0.0"}]),
            ("route", "host bits", [{"dst": "10.2.3.4/16"}]),
            ("route-gateway", "a prefix of the next hop", [{**NEAR, "gw": "10.1.2.9/24"}]),
            ("route-gateway", "a far next hop", [FAR]),
            ("route-twice", "a route twice", [NEAR, NEAR]),
        )
    ),
]


def denied(config: Any) -> set[str]:
    return {finding.rule.id for finding in validated(config) if finding.effective_severity is Severity.DENY}


@pytest.mark.parametrize(
    ("rule", "bad"), [pytest.param(rule, bad, id=f"{rule}: {why}") for rule, why, bad, _ in CASES]
)
def test_it_is_denied(rule: str, bad: Any) -> None:
    assert rule in denied(bad)


@pytest.mark.parametrize(
    ("rule", "good"), [pytest.param(rule, good, id=f"{rule}, unlike: {why}") for rule, why, _, good in CASES]
)
def test_its_like_is_not(rule: str, good: Any) -> None:
    assert rule not in denied(good)


def test_routes_that_an_old_result_loses_are_warned_of() -> None:
    """Before 0.3.0 a route goes with an address of its IP version, and there is none of IPv6."""
    twice = [{"dst": "2001:db8:1::/48", "gw": "2001:db8::1"}] * 2

    assert set() == denied(old("0.2.0", *twice))
    assert "route-twice" in denied(old("0.3.1", *twice))
