"""Every rule of the judge: a NAD that makes it fire, and one like it over which it stays silent."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.finding import Finding
from netattach_core.policy import RULES, judge, nodes
from support.judging import HOST_LOCAL, STATIC, bridge, conf, ids, macvlan, nad, ranged


def sets(*ranges: list[dict[str, str]], version: str = "1.0.0") -> dict[str, Any]:
    return bridge(cniVersion=version, ipam={"type": "host-local", "ranges": ranges})


def routed(*routes: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return bridge(ipam={**HOST_LOCAL, "routes": list(routes)}, **keys)


def chain(*plugins: dict[str, Any], version: str = "1.0.0") -> dict[str, Any]:
    return {"cniVersion": version, "name": "n", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, *plugins]}


def ovn(**keys: Any) -> dict[str, Any]:
    return conf("ovn-k8s-cni-overlay", **{"topology": "layer2", "netAttachDefName": "lab/net", **keys})


def dhcp(option: str) -> dict[str, Any]:
    return macvlan(ipam={"type": "dhcp", "provide": [{"option": option, "value": "x"}]})


BOND = conf("bond", miimon="100", mode="802.3ad", links=[{"name": "net1"}, {"name": "net2"}])
SRIOV = conf("sriov", deviceID="0000:af:06.1")
WHEREABOUTS = {"type": "whereabouts", "range": "10.1.2.0/24"}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}

CASES: list[tuple[str, str, Any, Any]] = [
    ("config-not-text", "YAML in place of a text", {"spec": {"config": {"type": "bridge"}}}, bridge()),
    ("config-not-text", "a list in place of a text", {"spec": {"config": []}}, {"spec": {"config": ""}}),
    ("json-syntax", "a trailing comma", '{"type":"bridge",}', bridge()),
    ("config-not-object", "a list of plugins without an object around it", "[]", bridge()),
    ("key-twice", "one key twice", '{"name":"a","name":"b","type":"x"}', '{"name":"a","type":"x"}'),
    ("schema", "a number in quotes", bridge(vlan="100"), bridge(vlan=100)),
    ("schema", "true in quotes", bridge(isGateway="true"), bridge(isGateway=True)),
    ("schema", "a mode of another plugin", macvlan(mode="l2"), macvlan(mode="private")),
    ("schema", "a mode in capitals", macvlan(mode="Bridge"), macvlan(mode="")),
    ("schema", "VLAN 4095", bridge(vlan=4095), bridge(vlan=4094)),
    ("schema", "a negative count", macvlan(bcqueuelen=-1), macvlan(bcqueuelen=0)),
    ("schema", "ipam as a text", macvlan(ipam="dhcp"), macvlan(ipam={"type": "dhcp"})),
    ("schema", "ipam as a text, of an unknown plugin", conf("other", ipam="x"), conf("other", ipam={"x": 1})),
    ("schema", "capabilities as a list", macvlan(capabilities=["ips"]), macvlan(capabilities={"ips": True})),
    ("schema", "dns as a list", macvlan(dns=["8.8.8.8"]), macvlan(dns={"nameservers": ["8.8.8.8"]})),
    ("schema", "half a number", bridge(mtu=1500.5), bridge(mtu=None)),
    ("number-form", "a float that is whole", bridge(mtu=1500.0), bridge(mtu=1500)),
    (
        "key-misspelt",
        "another plugin's spelling",
        ranged(range_start="10.1.2.9"),
        ranged(rangeStart="10.1.2.9"),
    ),
    (
        "key-misspelt",
        "a word for a key",
        conf("vlan", master="e", vlan=7, ipam=STATIC),
        conf("vlan", vlanId=7),
    ),
    ("key-unknown", "a key that nobody reads", bridge(colour="red"), bridge(_colour="red")),
    ("key-case", "capitals in a key", bridge(MTU=1500), bridge(mtu=1500)),
    ("key-reserved", "a key of the runtime", bridge(runtimeConfig={"mac": "x"}), bridge(args={"cni": {}})),
    ("type-missing", "no type", {"cniVersion": "1.0.0", "tpye": "bridge"}, bridge()),
    ("type-missing", "a capital in plugins", {"Plugins": [bridge()]}, chain()),
    ("type-missing", "a path as type", conf("../bridge"), conf("other")),
    ("type-missing", "a path as IPAM's type", macvlan(ipam={"type": "/opt/cni/bin/dhcp"}), macvlan()),
    ("type-misspelt", "a letter too many", conf("macvlann"), conf("macvtap")),
    (
        "type-misspelt",
        "an IPAM with a letter too few",
        macvlan(ipam={"type": "whereabout"}),
        macvlan(ipam=WHEREABOUTS),
    ),
    ("plugins-shape", "an object as plugins", {"plugins": {"type": "bridge"}}, {"plugins": [bridge()]}),
    ("plugins-shape", "no plugin in plugins", {"plugins": []}, {"plugins": [bridge()]}),
    ("plugins-shape", "a text in plugins", {"plugins": ["bridge"]}, {"plugins": [bridge()]}),
    ("cni-version", "a version that does not exist", bridge(cniVersion="1.2.0"), bridge(cniVersion="1.1.0")),
    (
        "cni-version",
        "a number as version",
        bridge(cniVersion=1.0),
        bridge(cniVersion="1.0", cniVersions=["1.0.0"]),
    ),
    ("cni-version-missing", "no version", {"type": "bridge", "ipam": HOST_LOCAL}, bridge()),
    (
        "cni-version-too-old",
        "firewall in 0.3.1",
        chain({"type": "firewall"}, version="0.3.1"),
        chain({"type": "firewall"}),
    ),
    ("network-name", "a blank in the name", bridge(name="my net"), bridge(name="my_net.1")),
    ("chained-first", "tuning alone", conf("tuning"), chain({"type": "tuning"})),
    ("chained-first", "an IPAM plugin as type", conf("host-local", subnet="10.1.2.0/24"), bridge()),
    ("main-twice", "bridge after bridge", chain({"type": "bridge"}), chain({"type": "ipvlan"})),
    ("ipam-missing", "ipvlan without ipam", conf("ipvlan", master="eth1"), chain({"type": "ipvlan"})),
    ("ipam-missing", "layer 2 in an old version", macvlan(cniVersion="0.2.0", ipam={}), macvlan(ipam={})),
    ("ipam-type-missing", "ipam without type", bridge(ipam={"subnet": "10.1.2.0/24"}), bridge(ipam={})),
    ("key-misplaced", "a key beside plugins", {**chain(), "vlan": 2}, {**chain(), "disableCheck": True}),
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
        routed({"dst": "10.7.0.1/32"}, {"dst": "10.9.0.0/16", "gw": "10.7.0.1"}),
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


def judged(config: Any) -> list[Finding]:
    return judge(config if isinstance(config, dict) and "spec" in config else nad(config))


@pytest.mark.parametrize(
    ("rule", "config"), [pytest.param(rule, bad, id=f"{rule}: {why}") for rule, why, bad, _ in CASES]
)
def test_a_rule_fires(rule: str, config: Any) -> None:
    """The finding says what is wrong and what to do."""
    findings = [finding for finding in judged(config) if finding.rule.id == rule]

    assert {rule} == ids(findings)
    assert all(finding.problem and finding.mend for finding in findings)


@pytest.mark.parametrize(
    ("rule", "config"),
    [pytest.param(rule, good, id=f"{rule}, unlike: {why}") for rule, why, _, good in CASES],
)
def test_a_rule_stays_silent(rule: str, config: Any) -> None:
    """Over what looks much like it and is right."""
    assert rule not in ids(judged(config))


def test_every_rule_has_a_case() -> None:
    """And every case a rule; no id stands twice. Those of nodes are in test_policy_nodes."""
    listed = [rule.id for rule in RULES]

    assert len(set(listed)) == len(listed)
    assert set(listed) - {rule.id for rule in nodes.RULES} == {rule for rule, *_ in CASES}
