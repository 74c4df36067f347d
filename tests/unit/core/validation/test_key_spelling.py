"""Wrong names of keys and keys in the wrong place: the fixes for them."""

from __future__ import annotations

from typing import Any

import pytest

from support.validation import STATIC, bridge, config, macvlan, ranged, validated

BOND = config("bond", miimon="100", mode="802.3ad", links=[{"name": "net1"}, {"name": "net2"}])
OVN = config("ovn-k8s-cni-overlay", topology="localnet", netAttachDefName="lab/net")


def after_bridge(kind: str, **keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "plugins": [bridge(), {"type": kind, **keys}]}


def routed(**route: Any) -> dict[str, Any]:
    return ranged(routes=[route])


MEANT: list[tuple[str, Any, Any]] = [
    ("gw", routed(dst="10.9.0.0/16", via="10.1.2.1"), routed(dst="10.9.0.0/16", gw="10.1.2.1")),
    ("gw", routed(dst="10.9.0.0/16", gateway="10.1.2.1"), routed(dst="10.9.0.0/16", gw="10.1.2.1")),
    ("gw", routed(dst="10.9.0.0/16", next_hop="10.1.2.1"), routed(dst="10.9.0.0/16", gw="10.1.2.1")),
    ("dst", routed(dst="10.9.0.0/16", to="10.9.0.0/16"), routed(dst="10.9.0.0/16")),
    ("priority", routed(dst="10.9.0.0/16", metric=5), routed(dst="10.9.0.0/16", priority=5)),
    ("capabilities", bridge(capability={"mac": True}), bridge(capabilities={"mac": True})),
    ("rangeStart", ranged(startRange="10.1.2.9"), ranged(rangeStart="10.1.2.9")),
    ("rangeEnd", ranged(endRange="10.1.2.9"), ranged(rangeEnd="10.1.2.9")),
    ("bridge", bridge(bridgeName="br1"), bridge()),
    ("bridge", bridge(bridge_name="br1"), bridge()),
    ("bridge", bridge(master="br1"), bridge()),
    ("isGateway", bridge(isGw=True), bridge(isGateway=True)),
    ("ipMasq", bridge(ipMasquerade=True), bridge(ipMasq=True)),
    ("hairpinMode", bridge(hairpin=True), bridge(hairpinMode=True)),
    ("minID", bridge(vlan=5, vlanTrunk=[{"id": 6, "min": 7}]), bridge(vlan=5, vlanTrunk=[{"id": 6}])),
    ("mode", macvlan(macvlan_mode="bridge"), macvlan(mode="bridge")),
    ("mode", config("ipvlan", ipvlan_mode="l2", ipam=STATIC), config("ipvlan", mode="l2", ipam=STATIC)),
    ("vlanID", {**OVN, "vlan": 5}, {**OVN, "vlanID": 5}),
    ("physicalNetworkName", {**OVN, "physicalNetwork": "p"}, {**OVN, "physicalNetworkName": "p"}),
    ("bridge", config("ovs", br="br1"), config("ovs", bridge="br1")),
    ("trunk", config("ovs", bridge="b", vlanTrunk=[{"id": 5}]), config("ovs", bridge="b", trunk=[{"id": 5}])),
    ("maxID", config("ovs", bridge="b", trunk=[{"max": 5}]), config("ovs", bridge="b", trunk=[{"id": 5}])),
    (
        "master",
        config("vlan", link="eth1", vlanId=5, ipam=STATIC),
        config("vlan", master="eth1", vlanId=5, ipam=STATIC),
    ),
    ("promisc", after_bridge("tuning", promiscuous=True), after_bridge("tuning", promisc=True)),
    ("txQLen", after_bridge("tuning", txqueuelen=500), after_bridge("tuning", txQLen=500)),
    ("table", after_bridge("sbr", tableId=100), after_bridge("sbr", table=100)),
    ("links", {**BOND, "slaves": BOND["links"]}, BOND),
    ("name", {**BOND, "links": [{"name": "net1"}, {"interface": "net2"}]}, BOND),
    (
        "addroutes",
        after_bridge("route-override", routes=[{"dst": "10.9.0.0/16"}]),
        after_bridge("route-override", addroutes=[{"dst": "10.9.0.0/16"}]),
    ),
]


INTO_IPAM = "move it into `ipam`"
OUT_OF_IPAM = "move it out of `ipam`, next to the plugin's `type`"
ADDRESSED = {"type": "static", "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}]}

MOVED: list[tuple[str, Any, Any]] = [
    (INTO_IPAM, bridge(subnet="10.1.2.0/24", ipam={"type": "host-local"}), bridge()),
    (INTO_IPAM, bridge(subnet="10.1.2.0/24", ipam=None), bridge(ipam=None)),
    (INTO_IPAM, bridge(rangeStart="10.1.2.9"), ranged(rangeStart="10.1.2.9")),
    (INTO_IPAM, bridge(ranges=[[]]), ranged(ranges=[[]])),
    (INTO_IPAM, bridge(gateway="10.1.2.1"), ranged(gateway="10.1.2.1")),
    (INTO_IPAM, macvlan(routes=[{"dst": "10.9.0.0/16"}]), routed(dst="10.9.0.0/16")),
    (INTO_IPAM, macvlan(ipam={"type": "static"}, addresses=STATIC["addresses"]), macvlan()),
    (
        "move it into the entry of `addresses`",
        macvlan(ipam={**STATIC, "gateway": "10.1.2.1"}),
        macvlan(ipam=ADDRESSED),
    ),
    (
        OUT_OF_IPAM,
        macvlan(ipam={**STATIC, "capabilities": {"ips": True}}),
        macvlan(capabilities={"ips": True}),
    ),
    (OUT_OF_IPAM, ranged(isGateway=True), bridge(isGateway=True)),
    (OUT_OF_IPAM, ranged(dns={}), bridge(dns={})),
    ("remove it", ranged(name="n"), bridge(name="n")),
    ("remove it", bridge(subnet="10.1.2.0/24"), bridge()),
    ("remove it", macvlan(ipam={**ADDRESSED, "gateway": "10.1.2.1"}), macvlan(ipam=ADDRESSED)),
    ("remove it", macvlan(mtu=1500, ipam={**STATIC, "mtu": 1500}), macvlan(mtu=1500)),
    ("remove it", macvlan(ipam={"type": "other"}, subnet="10.1.2.0/24"), macvlan(ipam={"type": "other"})),
]


@pytest.mark.parametrize(("fix", "config"), [(fix, bad) for fix, bad, _ in MOVED])
def test_the_fix_for_a_misplaced_key(fix: str, config: Any) -> None:
    """A move, except where the key is there already, or where no plugin is known to read it."""
    assert [fix] == _fixes(config)


@pytest.mark.parametrize(("meant", "config"), [(meant, bad) for meant, bad, _ in MEANT])
def test_the_fix_for_a_misspelt_key(meant: str, config: Any) -> None:
    assert [f"did you mean `{meant}`?"] == _fixes(config)


@pytest.mark.parametrize("config", [good for _, _, good in MEANT + MOVED])
def test_valid_keys_have_no_finding(config: Any) -> None:
    assert [] == _fixes(config)


@pytest.mark.parametrize(
    ("fix", "key"),
    [
        ("write `net.ipv4.ip_forward`", "/proc/sys/net/ipv4/ip_forward"),
        ("write `net.ipv4.conf.all.rp_filter`", "ipv4.conf.all.rp_filter"),
        ("write `net.ipv6.conf.all.disable_ipv6`", "ipv6/conf/all/disable_ipv6"),
        ("remove it; set other sysctls in the pod's securityContext.sysctls", "kernel.shmmax"),
        (None, "net.ipv4.ip_forward"),
        (None, "net/ipv4/conf/net1.5/rp_filter"),
    ],
)
def test_the_fix_for_a_sysctl(fix: str | None, key: str) -> None:
    """The full name in the form of sysctl(8), where only the prefix is missing."""
    found = [
        each for each in validated(after_bridge("tuning", sysctl={key: "1"})) if each.rule.id == "sysctl"
    ]

    assert [fix] * (fix is not None) == [each.fix for each in found]


def _fixes(config: Any) -> list[str]:
    """The fixes for keys that no plugin reads."""
    return [found.fix for found in validated(config) if found.rule.id in {"key-misspelt", "key-unknown"}]
