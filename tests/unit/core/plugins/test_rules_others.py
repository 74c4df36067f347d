"""The plugins of other projects: what they refuse is denied, what they do in silence warned of, and what is right passed over."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, Weighed, assert_weighed, bridge, conf, macvlan

DENY, WARN = Severity.DENY, Severity.WARN

BOND = conf("bond", miimon="100", mode="802.3ad", links=[{"name": "net1"}, {"name": "net2"}])

SRIOV = conf("sriov", deviceID="0000:af:06.1")


def ovs(**keys: Any) -> dict[str, Any]:
    return conf("ovs", **{"bridge": "br1", **keys})


def ovn(topology: str = "layer2", **keys: Any) -> dict[str, Any]:
    return conf("ovn-k8s-cni-overlay", topology=topology, **{"netAttachDefName": "lab/net", **keys})


def layer3(subnets: str) -> dict[str, Any]:
    return ovn("layer3", subnets=subnets)


def listed(*plugins: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "plugins": list(plugins)}


def whereabouts(**keys: Any) -> dict[str, Any]:
    return macvlan(ipam={"type": "whereabouts", "range": "10.1.2.0/24", **keys})


def ranges(**keys: Any) -> dict[str, Any]:
    """The same range in `ipRanges`."""
    return whereabouts(range=None, ipRanges=[{"range": "10.1.2.0/24", **keys}])


def routed(gw: str, **keys: Any) -> dict[str, Any]:
    return whereabouts(routes=[{"dst": "10.9.0.0/16", "gw": gw}], **keys)


DNS = {"nameservers": ["10.1.2.2"]}
HALVES = ["10.1.2.0/25", "10.1.2.128/25"]


def override(**route: Any) -> dict[str, Any]:
    added = {"type": "route-override", "addroutes": [route]}
    return {"cniVersion": "1.0.0", "plugins": [bridge(), added]}


CASES: list[Weighed] = [
    ("key-needed", DENY, "a bond without mode", {**BOND, "mode": None}, BOND),
    ("key-needed", DENY, "a bond of an empty mode", {**BOND, "mode": ""}, {**BOND, "mode": "balance-rr"}),
    ("key-needed", DENY, "a link without name", {**BOND, "links": [{"name": "net1"}, {}]}, BOND),
    (
        "key-needed",
        DENY,
        "a link's name in capitals",
        {**BOND, "links": [{"Name": "a"}, {"name": "b"}]},
        BOND,
    ),
    ("schema", DENY, "a list as mode of a bond", {**BOND, "mode": []}, BOND),
    ("schema", DENY, "an object as name of a link", {**BOND, "links": [{"name": "a"}, {"name": {}}]}, BOND),
    ("bond-links", DENY, "a link twice", {**BOND, "links": [{"name": "a"}, {"name": "a"}]}, BOND),
    (
        "bond-links",
        WARN,
        "a link of the pod twice",
        {**BOND, "linksInContainer": True, "links": [{"name": "a"}, {"name": "a"}]},
        {**BOND, "linksInContainer": True, "links": [{"name": "a"}, {"name": "A"}]},
    ),
    ("mtu", DENY, "a bond of a small MTU", {**BOND, "mtu": 67}, {**BOND, "mtu": 68}),
    ("mtu", DENY, "a bond of a negative MTU", {**BOND, "mtu": -1}, {**BOND, "mtu": 0}),
    ("schema", DENY, "an MTU of sriov in quotes", {**SRIOV, "mtu": "1500"}, {**SRIOV, "mtu": 1500}),
    (
        "key-value",
        DENY,
        "an empty protocol of a VLAN",
        {**SRIOV, "vlan": 5, "vlanProto": ""},
        {**SRIOV, "vlan": 5, "vlanProto": None},
    ),
    (
        "key-needed",
        DENY,
        "an empty protocol without a VLAN",
        {**SRIOV, "vlanProto": ""},
        {**SRIOV, "vlanProto": None},
    ),
    (
        "key-value",
        DENY,
        "an empty policy of a bond",
        {**BOND, "xmitHashPolicy": ""},
        {**BOND, "xmitHashPolicy": None},
    ),
    *[
        ("schema", DENY, why, conf("flannel", delegate=bad), conf("flannel", delegate=good))
        for why, bad, good in (
            (
                "a flag of flannel's delegate in quotes",
                {"isDefaultGateway": "true"},
                {"isDefaultGateway": True},
            ),
            ("an MTU of flannel's delegate in quotes", {"mtu": "1400"}, {"mtu": 1400, "cniVersion": 5}),
            (
                "a mode of another plugin for flannel's",
                {"type": "macvlan", "mode": "l2"},
                {"type": "ipvlan", "mode": "l2"},
            ),
            ("a number as flannel's delegate", {"type": 5}, {"type": "other", "mtu": "1400"}),
        )
    ],
    (
        "key-misspelt",
        WARN,
        "a letter too few in flannel's delegate",
        conf("flannel", delegate={"isDefaultGatway": True}),
        conf("flannel", delegate={"isDefaultGateway": True}),
    ),
    (
        "route",
        DENY,
        "a route for flannel's pods without prefix",
        conf("flannel", ipam={"routes": [{"dst": "10.9.0.0"}]}),
        conf("flannel", ipam={"routes": [{"dst": "10.9.0.0/16"}]}),
    ),
    (
        "whereabouts-range",
        DENY,
        "blanks in a range",
        whereabouts(range="10.1.2.5 - 10.1.2.9/24"),
        whereabouts(range="10.1.2.5-10.1.2.9/24"),
    ),
    ("whereabouts-range", DENY, "no ranges", whereabouts(range=None, ipRanges=[]), whereabouts(ipRanges=[])),
    (
        "whereabouts-range",
        WARN,
        "a range twice",
        whereabouts(ipRanges=[{"range": "10.1.2.0/24"}]),
        whereabouts(ipRanges=[{"range": "10.1.3.0/24"}]),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "an exclusion outside",
        whereabouts(exclude=["10.1.3.0/28"]),
        whereabouts(exclude=["10.1.2.0/28"]),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "an exclusion beside slices",
        whereabouts(exclude=["10.1.2.0/28"], node_slice_size="/26"),
        whereabouts(node_slice_size="/26"),
    ),
    ("no-effect", WARN, "a network of OVN without topology", ovn("", subnets="10.1.0.0/16"), ovn("")),
    ("no-effect", WARN, "a VLAN of layer2", ovn(vlanID=5), ovn("localnet", vlanID=5)),
    ("key-value", WARN, "a VLAN that is none", ovn("localnet", vlanID=5000), ovn("localnet", vlanID=4094)),
    ("key-value", DENY, "null in a trunk", ovs(trunk=[{"id": 5}, None]), ovs(trunk=None)),
    (
        "route",
        WARN,
        "host bits for route-override, which goes on without the route",
        override(dst="10.9.0.5/16"),
        override(dst="10.9.0.0/16"),
    ),
    (
        "route-gateway",
        WARN,
        "a next hop of the other IP version for route-override",
        override(dst="10.9.0.0/16", gw="fd00::1"),
        override(dst="10.9.0.0/16", gw="10.1.2.1"),
    ),
    (
        "key-needed",
        DENY,
        "half a range in a trunk",
        ovs(trunk=[{"minID": 100}]),
        ovs(trunk=[{"minID": 100, "maxID": 100}]),
    ),
    (
        "key-needed",
        DENY,
        "a range from 0 in a trunk",
        ovs(trunk=[{"minID": 0, "maxID": 100}]),
        ovs(trunk=[{"minID": 0, "maxID": 100}, {"id": 0}]),
    ),
    (
        "no-effect",
        WARN,
        "half a range beside a VLAN",
        ovs(trunk=[{"maxID": 100}, {"id": 5}]),
        ovs(trunk=[{"minID": 1, "maxID": 100}, {"id": 5}]),
    ),
    (
        "whereabouts-range",
        DENY,
        "a start of ipRanges with a prefix",
        ranges(range_start="10.1.2.5/24"),
        ranges(range_start="10.1.2.5"),
    ),
    (
        "whereabouts-range",
        DENY,
        "an end of ipRanges that is none",
        ranges(range_end="x"),
        ranges(range_end=""),
    ),
    (
        "whereabouts-range",
        WARN,
        "an end of ipRanges with zeros in front",
        ranges(range_end="10.1.2.09"),
        whereabouts(range_end="10.1.2.09"),
    ),
    ("whereabouts-range", DENY, "ipRanges without range", ranges(range=None), ranges()),
    (
        "whereabouts-range-ignored",
        WARN,
        "a start that is none",
        whereabouts(range_start="10.1.2"),
        whereabouts(range_start="10.1.2.7"),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "a start with a prefix",
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
        "an end before the start within range",
        whereabouts(range="10.1.2.9-10.1.2.8/24"),
        whereabouts(range="10.1.2.8-10.1.2.9/24"),
    ),
    (
        "whereabouts-range-ignored",
        WARN,
        "an end beside a range that says its own",
        whereabouts(range="10.1.2.8-10.1.2.9/24", range_end="10.1.2.20"),
        whereabouts(range="10.1.2.8-10.1.2.20/24"),
    ),
    (
        "whereabouts-range",
        DENY,
        "exclusions that are everything together",
        whereabouts(exclude=HALVES),
        whereabouts(exclude=["10.1.2.0/25", "10.1.2.128/26", "fd00::/8"]),
    ),
    (
        "whereabouts-range",
        DENY,
        "an exclusion of all that is given out",
        ranges(range_start="10.1.2.4", range_end="10.1.2.7", exclude=["10.1.2.4/30"]),
        ranges(range_start="10.1.2.4", range_end="10.1.2.8", exclude=["10.1.2.4/30"]),
    ),
    (
        "whereabouts-range",
        WARN,
        "an exclusion that slices do not read",
        whereabouts(exclude=HALVES, node_slice_size="/26"),
        whereabouts(exclude=HALVES[:1], node_slice_size="/26"),
    ),
    (
        "range-gateway-outside-subnet",
        WARN,
        "a gateway outside of the range",
        whereabouts(gateway="10.1.3.1"),
        whereabouts(gateway="10.1.3.1", addresses=[{"address": "10.1.3.7/24"}]),
    ),
    (
        "route-gateway",
        WARN,
        "a next hop outside of the range",
        routed("10.1.3.1"),
        routed("10.1.3.1", ipRanges=[{"range": "10.1.3.0/24"}]),
    ),
    ("route-gateway", WARN, "the broadcast address as next hop", routed("10.1.2.255"), routed("10.1.2.1")),
    (
        "route-gateway",
        WARN,
        "a gateway outside that a route takes",
        whereabouts(gateway="10.1.3.1", routes=[{"dst": "10.9.0.0/16"}]),
        whereabouts(gateway="10.1.2.1", routes=[{"dst": "10.9.0.0/16"}]),
    ),
    (
        "route-gateway",
        DENY,
        "a next hop of the other IP version",
        routed("fd00::1"),
        routed("10.1.3.1", configuration_path="/etc/whereabouts.conf"),
    ),
    (
        "no-effect",
        WARN,
        "dns of whereabouts that macvlan drops",
        whereabouts(dns=DNS),
        bridge(ipam={"type": "whereabouts", "range": "10.1.2.0/24", "dns": DNS}),
    ),
    (
        "no-effect",
        WARN,
        "dns of whereabouts that a bond drops",
        {**BOND, "ipam": {"type": "whereabouts", "range": "10.1.2.0/24", "dns": DNS}},
        {**BOND, "ipam": {"type": "whereabouts", "range": "10.1.2.0/24"}, "dns": DNS},
    ),
    *[
        ("ovn-subnets", DENY, f"{bad} in layer 3", layer3(bad), layer3(good))
        for bad, good in (
            ("10.1.0.0/16,", "10.1.0.0/16"),
            ("10.1.0.0/24", "10.1.0.0/24/25"),
            ("10.1.0.0/16/16", "10.1.0.0/16/17"),
            ("10.1.0.0/16/0", "0.0.0.0/0"),
            ("10.1.0.0/16/33", "10.1.0.0/16/28"),
            ("10.1.0.0/16/1_0", "10.1.0.0/16/024"),
            ("10.1.0.0/16/x", "10.1.0.0/16/24"),
            ("fd01::/64", "fd01::/63"),
            ("fd01::/48/80", "fd01::/48/64"),
        )
    ],
    (
        "ovn-subnets",
        WARN,
        "two lengths of hosts",
        layer3("10.1.0.0/16,10.2.0.0/16/26"),
        layer3("10.1.0.0/16,10.2.0.0/16/24,fd01::/48"),
    ),
    ("ovn-subnets", DENY, "a length of hosts in layer 2", ovn(subnets="10.1.0.0/16/24"), ovn(subnets="")),
    (
        "ovn-subnets",
        DENY,
        "an exclusion from nothing",
        ovn(excludeSubnets="10.1.0.0/24"),
        ovn(excludeSubnets="10.1.0.0/24", subnets="10.1.0.0/16"),
    ),
    (
        "no-effect",
        WARN,
        "an exclusion in layer 3",
        ovn("layer3", subnets="10.1.0.0/16", excludeSubnets="10.2.0.0/24"),
        layer3("10.1.0.0/16"),
    ),
    (
        "ovn-subnets",
        WARN,
        "a reserved subnet outside",
        ovn(subnets="10.1.0.0/16", reservedSubnets="10.2.0.0/24"),
        ovn(subnets="10.1.0.0/16", reservedSubnets="10.1.2.0/24"),
    ),
    *[
        ("ovn-network", DENY, f"{key} in {topology}", ovn(topology, **{key: value}), ovn(**{key: value}))
        for key, topology, value in (
            ("joinSubnet", "localnet", "100.65.0.0/16"),
            ("reservedSubnets", "layer3", "10.1.2.0/24"),
            ("infrastructureSubnets", "localnet", "10.1.2.0/24"),
            ("defaultGatewayIPs", "layer3", "10.1.2.1"),
        )
    ],
    *[
        ("ovn-network", DENY, f"the name {name}", ovn(name=name), ovn(name=f"{name}-2"))
        for name in ("default", "ovn-kubernetes")
    ],
    ("ovn-network", DENY, "a plugin behind", listed(ovn(), {"type": "tuning"}), listed(ovn())),
    (
        "key-needed",
        DENY,
        "empty subnets of a primary network",
        ovn(role="primary", subnets=""),
        ovn(role="secondary", subnets=""),
    ),
    ("key-value", WARN, "a transport that is none", ovn(transport="geneve"), ovn(transport="evpn")),
    (
        "key-value",
        WARN,
        "an SNAT that is none",
        ovn("layer3", transport="no-overlay", outboundSNAT="yes"),
        ovn("layer3", transport="no-overlay", outboundSNAT="enabled"),
    ),
    (
        "keys-exclude-each-other",
        WARN,
        "SNAT of an overlay",
        ovn("layer3", outboundSNAT="enabled"),
        ovn("layer3", transport="no-overlay", outboundSNAT="disabled"),
    ),
    (
        "sbr-without-address",
        DENY,
        "sbr after ovs alone",
        listed(ovs(), {"type": "sbr"}),
        listed(ovs(ipam=HOST_LOCAL), {"type": "sbr"}),
    ),
    (
        "sbr-without-address",
        DENY,
        "sbr after ovs and tuning",
        listed(ovs(), {"type": "tuning"}, {"type": "sbr"}),
        listed(ovs(configuration_path="/etc/ovs.conf"), {"type": "sbr"}),
    ),
]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case[0]}: {case[2]}") for case in CASES])
def test_a_rule_weighs_what_the_plugin_makes_of_it(case: Weighed) -> None:
    assert_weighed(case)
