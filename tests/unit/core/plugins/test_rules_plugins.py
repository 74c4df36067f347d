"""Every rule of the plugins: a NAD that makes it fire, and one like it over which it stays silent."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core import plugins
from support.validation import (
    HOST_LOCAL,
    STATIC,
    assert_fires,
    bridge,
    conf,
    ids,
    macvlan,
    ranged,
    validated_as_written,
)


def sets(*ranges: list[dict[str, str]], version: str = "1.0.0") -> dict[str, Any]:
    return bridge(cniVersion=version, ipam={"type": "host-local", "ranges": ranges})


def routed(*routes: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return bridge(ipam={**HOST_LOCAL, "routes": list(routes)}, **keys)


def chain(*others: dict[str, Any], version: str = "1.0.0") -> dict[str, Any]:
    return {"cniVersion": version, "name": "n", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, *others]}


def ovn(**keys: Any) -> dict[str, Any]:
    return conf("ovn-k8s-cni-overlay", **{"topology": "layer2", "netAttachDefName": "lab/net", **keys})


def dhcp(option: str) -> dict[str, Any]:
    return macvlan(ipam={"type": "dhcp", "provide": [{"option": option, "value": "x"}]})


ADDRESS = {"address": "10.1.2.3/24"}
TWO_SUBNETS = [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}]]
ON_LINK = {"dst": "10.7.0.1/32", "scope": 253}
BOND = conf("bond", miimon="100", mode="802.3ad", links=[{"name": "net1"}, {"name": "net2"}])
SRIOV = conf("sriov", deviceID="0000:af:06.1")
WHEREABOUTS = {"type": "whereabouts", "range": "10.1.2.0/24"}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}

CASES: list[tuple[str, str, Any, Any]] = [
    ("interface-name", "a bridge of 16 letters", bridge(bridge="b" * 16), bridge(bridge="b" * 15)),
    ("interface-name", "a bridge without a name", bridge(bridge=""), bridge(bridge=None)),
    ("loopback", "the loopback as master", macvlan(master="lo"), macvlan(master="lo", linkInContainer=True)),
    ("mtu", "an MTU of 60", bridge(mtu=60), bridge(mtu=0)),
    ("mtu", "a negative MTU", macvlan(mtu=-1), bridge(mtu=-1)),
    ("mac", "a MAC that is none", macvlan(mac="02:00"), macvlan(mac="02:00:00:00:00:01")),
    ("mac", "a group's MAC", macvlan(mac="01:00:5e:00:00:01"), macvlan(mac="")),
    (
        "keys-exclude-each-other",
        "hairpin and promiscuous",
        bridge(hairpinMode=True, promiscMode=True),
        bridge(hairpinMode=True, promiscMode=False),
    ),
    (
        "key-needed",
        "vlan without master",
        conf("vlan", vlanId=7, ipam=STATIC),
        conf("vlan", master="e", ipam=STATIC),
    ),
    (
        "key-needed",
        "vrf without name",
        chain({"type": "vrf", "vrf_name": "b"}),
        chain({"type": "vrf", "vrfName": "b"}),
    ),
    (
        "key-value",
        "a VLAN protocol",
        {**SRIOV, "vlan": 5, "vlanProto": "802"},
        {**SRIOV, "vlan": 5, "vlanProto": "802.1Q"},
    ),
    ("no-effect", "a gateway without addresses", bridge(ipam={}, isGateway=True), bridge(isGateway=True)),
    ("one-pod-per-node", "passthru", macvlan(mode="passthru"), macvlan(mode="bridge")),
    ("route", "a destination without prefix", routed({"dst": "10.9.0.0"}), routed({"dst": "10.9.0.0/16"})),
    ("route", "no destination", routed({"gw": "10.1.2.1"}), routed()),
    ("route", "host bits in a destination", routed({"dst": "10.9.0.5/16"}), routed({"dst": "10.9.0.5/32"})),
    ("route-twice", "one route twice", routed(*[{"dst": "10.9.0.0/16"}] * 2), routed({"dst": "10.9.0.0/16"})),
    (
        "route-gateway",
        "a next hop of another subnet",
        routed({"dst": "10.9.0.0/16", "gw": "10.7.0.1"}),
        routed({"dst": "10.9.0.0/16", "gw": "10.1.2.1"}),
    ),
    (
        "route-gateway",
        "a next hop of the other IP version",
        routed({"dst": "10.9.0.0/16", "gw": "fd00::1"}),
        macvlan(ipam={**STATIC, "routes": [ON_LINK, {"dst": "10.9.0.0/16", "gw": "10.7.0.1"}]}),
    ),
    (
        "route",
        "a destination that route-override cannot read",
        chain({"type": "route-override", "addroutes": [{"dst": "10.9.0.0"}]}),
        chain(
            {
                "type": "route-override",
                "addroutes": [{"gw": "10.1.2.1"}],
                "delroutes": [{"dst": "10.9.0.5/16"}],
            }
        ),
    ),
    (
        "route-gateway",
        "a next hop of the other IP version for route-override",
        chain({"type": "route-override", "addroutes": [{"dst": "10.9.0.0/16", "gw": "fd00::1"}]}),
        chain({"type": "route-override", "delroutes": [{"dst": "10.9.0.0/16", "gw": "fd00::1"}]}),
    ),
    (
        "key-needed",
        "args that route-override cannot bear",
        chain({"type": "route-override", "args": {}}),
        chain({"type": "route-override", "args": {"cni": {}}}),
    ),
    ("route-default", "a default route", routed({"dst": "0.0.0.0/0"}), routed({"dst": "10.0.0.0/8"})),
    (
        "address-odd",
        "the network's own address",
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.0/24"}]}),
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.0/31"}]}),
    ),
    ("vlan-trunk", "half a range of VLANs", bridge(vlanTrunk=[{"minID": 2}]), bridge(vlanTrunk=[{"id": 2}])),
    ("vlan-trunk", "null in a trunk", bridge(vlanTrunk=[None]), bridge(vlanTrunk=None)),
    ("vlan-trunk", "a range upside down", bridge(vlanTrunk=[{"minID": 9, "maxID": 2}]), bridge(vlanTrunk=[])),
    (
        "default-route-twice",
        "two default routes",
        routed({"dst": "0.0.0.0/0"}, isDefaultGateway=True),
        routed({"dst": "0.0.0.0/0"}, isGateway=True),
    ),
    (
        "bridge-gateway-twice",
        "two IPv4 subnets and a gateway",
        bridge(isGateway=True, ipam={"type": "host-local", "ranges": TWO_SUBNETS}),
        bridge(isGateway=True, forceAddress=True, ipam={"type": "host-local", "ranges": TWO_SUBNETS}),
    ),
    (
        "default-gateway",
        "a default route over a gateway outside of the subnet",
        bridge(
            isDefaultGateway=True, ipam={"type": "static", "addresses": [{**ADDRESS, "gateway": "10.7.0.1"}]}
        ),
        bridge(
            isDefaultGateway=True, ipam={"type": "static", "addresses": [{**ADDRESS, "gateway": "10.1.2.9"}]}
        ),
    ),
    (
        "sbr-without-address",
        "sbr after a plugin that gives no address",
        {"cniVersion": "1.0.0", "plugins": [conf("bridge"), {"type": "sbr"}]},
        {"cniVersion": "1.0.0", "plugins": [conf("bridge"), {"type": "other"}, {"type": "sbr"}]},
    ),
    (
        "bridge-untagged",
        "a trunk alone",
        bridge(vlanTrunk=[{"id": 5}]),
        bridge(vlanTrunk=[{"id": 5}], vlan=7),
    ),
    ("bridge-untagged", "an empty trunk", bridge(vlanTrunk=[]), bridge(vlanTrunk=None)),
    (
        "mac",
        "a group's MAC in args",
        bridge(args={"cni": {"mac": "01:00:5e:00:00:01"}}),
        bridge(args={"cni": {"x": 1}}),
    ),
    (
        "sysctl",
        "sysctls in args alone",
        chain({"type": "tuning", "args": {"cni": {"sysctl": {"net.ipv4.ip_forward": "1"}}}}),
        chain({"type": "tuning", "sysctl": {}, "args": {"cni": {"sysctl": {"net.ipv4.ip_forward": "1"}}}}),
    ),
    (
        "key-value",
        "the main table for sbr",
        chain({"type": "sbr", "table": 254}),
        chain({"type": "sbr", "table": 100}),
    ),
    (
        "key-value",
        "the local table for vrf",
        chain({"type": "vrf", "vrfname": "b", "table": 255}),
        chain({"type": "vrf", "vrfname": "b", "table": 0}),
    ),
    (
        "no-effect",
        "a rate beside the capability",
        chain({"type": "bandwidth", "ingressRate": 0, "capabilities": {"bandwidth": True}}),
        chain({"type": "bandwidth", "capabilities": {"bandwidth": True}}),
    ),
    (
        "no-effect",
        "portmap without addresses",
        {"cniVersion": "1.0.0", "plugins": [conf("bridge"), PORTMAP]},
        {"cniVersion": "1.0.0", "plugins": [bridge(), PORTMAP]},
    ),
    (
        "no-effect",
        "dns that macvlan drops",
        macvlan(ipam={**STATIC, "dns": {"domain": "lab"}}),
        bridge(ipam={**STATIC, "dns": {"domain": "lab"}}),
    ),
    (
        "no-effect",
        "a next hop in layer 3",
        conf("ipvlan", mode="l3", ipam={**STATIC, "routes": [{"dst": "10.9.0.0/16", "gw": "10.1.2.1"}]}),
        conf("ipvlan", mode="l3", ipam={**STATIC, "routes": [{"dst": "10.9.0.0/16"}]}),
    ),
    ("key-value", "a relative directory of leases", ranged(dataDir="leases"), ranged(dataDir="/leases")),
    *[
        (
            "whereabouts-range",
            why,
            macvlan(ipam={**WHEREABOUTS, **bad}),
            macvlan(ipam={**WHEREABOUTS, **good}),
        )
        for why, bad, good in (
            ("an exclusion that is none", {"exclude": ["x"]}, {"exclude": ["10.1.2.0/29"]}),
            ("an exclusion without prefix", {"exclude": ["10.1.2.7"]}, {"exclude": ["10.1.2.7/32"]}),
            ("an exclusion of everything", {"exclude": ["10.1.0.0/16"]}, {"exclude": ["10.1.2.0/25"]}),
            ("a slice larger than its range", {"node_slice_size": "/22"}, {"node_slice_size": "26"}),
            ("a slice that is no number", {"node_slice_size": "x"}, {"node_slice_size": ""}),
            ("a slice of IPv6", {"range": "fd00::/64", "node_slice_size": "/26"}, {"range": "fd00::/64"}),
            ("a name that no object has", {"network_name": "My_Net"}, {"network_name": "my-net"}),
        )
    ],
    (
        "key-needed",
        "a trunk entry of ovs without VLAN",
        conf("ovs", bridge="b", trunk=[{}]),
        conf("ovs", bridge="b", trunk=[{"id": 5}]),
    ),
    (
        "keys-exclude-each-other",
        "balance of another mode",
        {**BOND, "tlbDynamicLb": 1},
        {**BOND, "tlbDynamicLb": 1, "mode": "balance-tlb"},
    ),
    (
        "ovn-network",
        "persistent addresses in layer 3",
        ovn(topology="layer3", allowPersistentIPs=True),
        ovn(allowPersistentIPs=True),
    ),
    (
        "flannel-delegate",
        "a name in the delegate",
        conf("flannel", delegate={"name": "n"}),
        conf("flannel", delegate={"isDefaultGateway": True}),
    ),
    (
        "flannel-delegate",
        "an ipam in the delegate",
        conf("flannel", delegate={"ipam": {}}),
        conf("flannel", ipam={"routes": []}, delegate={}),
    ),
    ("flannel-state-shared", "flannel's own state", conf("flannel"), conf("flannel", dataDir="/var/lib/x")),
    ("calico-second-endpoint", "calico in addition", conf("calico"), conf("cilium-cni")),
    (
        "ipvlan-shared-mac",
        "ipvlan with DHCP",
        conf("ipvlan", master="eth1", ipam={"type": "dhcp"}),
        conf("ipvlan", master="eth1", ipam=STATIC),
    ),
    (
        "vlan-id-missing",
        "a vlan without VLAN",
        conf("vlan", master="eth1", ipam=STATIC),
        conf("vlan", master="eth1", vlanId=7, ipam=STATIC),
    ),
    ("host-device-device", "no device at all", conf("host-device"), conf("host-device", device="eth1")),
    (
        "host-device-device",
        "a PCI address that is none",
        conf("host-device", pciBusID="1f.6"),
        conf("host-device", pciBusID="0000:00:1f.6"),
    ),
    (
        "host-device-device",
        "a path outside of /sys",
        conf("host-device", kernelpath="/dev/eth1"),
        conf("host-device", device="eth1", kernelpath="/dev/eth1"),
    ),
    ("device-missing", "sriov without device", conf("sriov"), SRIOV),
    ("bond-links", "a bond of one link", {**BOND, "links": [{"name": "net1"}]}, BOND),
    ("ovn-network", "an ipam type for OVN", ovn(ipam={"type": "dhcp"}), ovn(ipam={})),
    ("ovn-network", "another NAD's name", ovn(netAttachDefName="lab/other"), ovn()),
    ("ovn-subnets", "an exclusion outside", ovn(subnets="10.1.0.0/16", excludeSubnets="10.2.0.0/24"), ovn()),
    (
        "ovn-subnets",
        "no subnet",
        ovn(subnets="10.1.0.0"),
        ovn(topology="layer3", subnets="10.1.0.0/16/24,fd01::/48"),
    ),
    (
        "sysctl",
        "a sysctl of the kernel",
        chain({"type": "tuning", "sysctl": {"kernel.shmmax": "1"}}),
        chain(),
    ),
    (
        "bandwidth-rate",
        "a rate without burst",
        chain({"type": "bandwidth", "ingressRate": 1000}),
        chain({"type": "bandwidth", "ingressRate": 1000, "ingressBurst": 1000}),
    ),
    (
        "ingress-policy-without-bridge",
        "an ingress policy after macvlan",
        {"cniVersion": "1.0.0", "plugins": [macvlan(), {"type": "firewall", "ingressPolicy": "same-bridge"}]},
        chain({"type": "firewall", "ingressPolicy": "same-bridge"}),
    ),
    ("ranges-missing", "host-local without a range", bridge(ipam={"type": "host-local"}), bridge()),
    ("range-subnet", "calico's word elsewhere", ranged(subnet="usePodCidr"), ranged()),
    ("ranges-missing", "an empty set of ranges", sets([]), sets([{"subnet": "10.1.2.0/24"}])),
    ("range-subnet", "a subnet without prefix", ranged(subnet="10.1.2.0"), ranged()),
    ("range-subnet", "a netmask", ranged(subnet="10.1.2.0/255.255.255.0"), ranged(subnet="10.1.2.0/024")),
    ("range-subnet", "a leading zero", ranged(subnet="10.01.2.0/24"), ranged(subnet="fd00::/64")),
    ("range-subnet", "host bits", ranged(subnet="10.1.2.5/24"), ranged(subnet="10.1.2.0/30")),
    ("range-subnet", "a /31", ranged(subnet="10.1.2.0/31"), ranged(subnet="fd00::/126")),
    ("range-subnet", "IPv4 in IPv6 notation", ranged(subnet="::ffff:10.1.2.0/120"), ranged()),
    ("range-address", "a gateway with prefix", ranged(gateway="10.1.2.1/24"), ranged(gateway="")),
    ("range-outside-subnet", "a start outside", ranged(rangeStart="10.1.3.1"), ranged(rangeStart="10.1.2.9")),
    (
        "range-order",
        "an end before the start",
        ranged(rangeStart="10.1.2.9", rangeEnd="10.1.2.8"),
        ranged(rangeStart="10.1.2.9", rangeEnd="10.1.2.9"),
    ),
    (
        "range-gateway-outside-subnet",
        "a gateway outside",
        ranged(gateway="10.1.3.1"),
        ranged(gateway="10.1.2.9"),
    ),
    ("range-edge", "the broadcast address", ranged(rangeEnd="10.1.2.255"), ranged(rangeEnd="10.1.2.254")),
    (
        "range-overlap",
        "two sets that overlap",
        sets([{"subnet": "10.1.0.0/16"}], [{"subnet": "10.1.2.0/24"}]),
        sets(
            [{"subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.9"}],
            [{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.10"}],
        ),
    ),
    (
        "range-family",
        "both IP versions in one set",
        sets([{"subnet": "10.1.2.0/24"}, {"subnet": "fd00::/64"}]),
        sets([{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00::/64"}]),
    ),
    (
        "range-no-room",
        "the gateway alone",
        ranged(rangeStart="10.1.2.1", rangeEnd="10.1.2.1"),
        ranged(rangeStart="10.1.2.2", rangeEnd="10.1.2.2"),
    ),
    (
        "addresses-per-version",
        "two sets in an old version",
        sets([{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}], version="0.2.0"),
        sets([{"subnet": "10.1.2.0/24"}], [{"subnet": "fd00::/64"}], version="0.2.0"),
    ),
    ("leases-per-node", "macvlan with host-local", macvlan(ipam=HOST_LOCAL), bridge()),
    (
        "static-address",
        "an address without prefix",
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.3"}]}),
        macvlan(ipam=STATIC),
    ),
    (
        "static-address-twice",
        "an address twice",
        macvlan(ipam={"type": "static", "addresses": STATIC["addresses"] * 2}),  # type: ignore[operator]  # it is a list
        macvlan(ipam=STATIC),
    ),
    (
        "static-no-address",
        "static without addresses",
        macvlan(ipam={"type": "static"}),
        macvlan(ipam={"type": "static"}, capabilities={"ips": True}),
    ),
    (
        "static-gateway-outside-subnet",
        "a gateway outside of the address's subnet",
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.3.1"}]}),
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}]}),
    ),
    ("dhcp-option", "an option that is not known", dhcp("hostname"), dhcp("host-name")),
    ("dhcp-option", "an option above 255", dhcp("256"), dhcp("12")),
    (
        "whereabouts-range",
        "a range that is none",
        macvlan(ipam={**WHEREABOUTS, "range": "10.1.2.0"}),
        macvlan(ipam={**WHEREABOUTS, "range": "10.1.2.5-10.1.2.9/24"}),
    ),
    (
        "whereabouts-range-ignored",
        "a start outside",
        macvlan(ipam={**WHEREABOUTS, "range_start": "10.1.3.5"}),
        macvlan(ipam={**WHEREABOUTS, "range_start": "10.1.2.5"}),
    ),
]


@pytest.mark.parametrize(
    ("rule", "config"), [pytest.param(rule, bad, id=f"{rule}: {why}") for rule, why, bad, _ in CASES]
)
def test_a_rule_fires(rule: str, config: Any) -> None:
    assert_fires(rule, config)


@pytest.mark.parametrize(
    ("rule", "config"),
    [pytest.param(rule, good, id=f"{rule}, unlike: {why}") for rule, why, _, good in CASES],
)
def test_a_rule_stays_silent(rule: str, config: Any) -> None:
    """Over what looks much like it and is right."""
    assert rule not in ids(validated_as_written(config))


def test_every_rule_of_a_plugin_has_a_case() -> None:
    """And every case a rule."""
    assert {rule.id for rule in plugins.RULES} == {rule for rule, *_ in CASES}
