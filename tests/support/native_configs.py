"""Calls that native drivers understand, as strategies of hypothesis, by plugin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

Config = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A plugin's config and the rest of the call, as `Twins.reports` takes it."""

    config: Config
    more: Config = field(default_factory=dict)


VERSIONS = st.sampled_from(["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
MTUS = st.sampled_from([0, 68, 1280, 1400, 1500, 1501, 9000, 65535])
MACS = st.sampled_from(["", "02:00:00:00:00:07", "02-00-00-00-00-08", "0200.0000.0009", "03:00:00:00:00:01"])
INTERFACES = st.sampled_from(["eth1", "eth1", "eth1", "eth2", "eth9"])
DEVICES = st.sampled_from(["nic", "nic", "nic", "eth9"])
NICS = st.sampled_from(
    [
        "type ifb",
        "mtu 1400 type ifb; ip link set nic up",
        "type ifb; ip address add 10.5.5.5/24 dev nic; ip link set nic alias x up",
        "type macvlan link eth2 mode vepa",
    ]
)
TAKEN = st.sampled_from(["", "", "ip link add net1 type ifb", "ip link add nic type ifb"])
ROUTES = st.lists(
    st.sampled_from(
        [
            {"dst": "0.0.0.0/0"},
            {"dst": "10.9.0.0/16", "gw": "10.1.2.1"},
            {"dst": "10.9.0.0/16", "gw": "10.7.7.1"},
            {"dst": "10.8.0.0/16", "priority": 50, "table": 100},
            {"dst": "10.8.0.0/16", "table": 1000, "scope": 253},
            {"dst": "::/0"},
            {"dst": "fd00:9::/64", "gw": "fd00:1::1", "priority": 7},
            {"dst": "10.9.9.9/16", "mtu": 1400, "advmss": 1300},
        ]
    ),
    max_size=2,
    unique_by=str,
)
ADDRESSES = st.lists(
    st.sampled_from(
        [
            {"address": "10.1.2.3/24"},
            {"address": "10.1.2.4/24", "gateway": "10.1.2.1"},
            {"address": "10.1.2.5/32"},
            {"address": "10.1.2.6/31"},
            {"address": "169.254.1.1/16"},
            {"address": "fd00:1::3/64"},
            {"address": "fd00:1::4/64", "gateway": "fd00:1::1"},
            {"address": "fe80::9/64"},
        ]
    ),
    max_size=3,
    unique_by=str,
)
STATIC = st.fixed_dictionaries(
    {"type": st.just("static"), "addresses": ADDRESSES},
    optional={"routes": ROUTES, "dns": st.just({"domain": "x"})},
)
HOST_LOCAL = st.fixed_dictionaries(
    {
        "type": st.just("host-local"),
        "ranges": st.sampled_from(
            [
                [[{"subnet": "10.1.2.0/24"}]],
                [[{"subnet": "10.1.2.0/30", "rangeStart": "10.1.2.1", "rangeEnd": "10.1.2.1"}]],
                [[{"subnet": "10.1.2.0/24", "gateway": "10.1.2.254"}], [{"subnet": "fd00:1::/64"}]],
            ]
        ),
    },
    optional={"routes": ROUTES},
)
IPAM = STATIC | HOST_LOCAL
DNS = st.sampled_from([{}, {"nameservers": ["10.0.0.10"], "search": ["a", "b"], "options": [], "domain": ""}])


_BRIDGE = "ip link add br0 address 02:00:00:00:03:01 type bridge"
_FILTERING = f"{_BRIDGE} vlan_filtering 1; ip link set br0 up"
_LARGE = "ip link add br0 address 02:00:00:00:03:01 mtu 9000 type bridge"
BRIDGES = st.sampled_from(
    [
        "",
        "",
        f"{_BRIDGE}; ip link set br0 up",
        f"{_BRIDGE}; ip address add 10.1.2.1/24 dev br0",
        f"{_BRIDGE}; ip address add 10.7.7.1/24 dev br0",
        f"{_BRIDGE}; for ip in 10.7.7.1 10.1.2.1 10.7.7.2; do ip address add $ip/24 dev br0; done",
        f"{_LARGE}; ip link set br0 up; ip address add fd00:1::1/64 dev br0",
        f"{_BRIDGE}; ip link set br0 up; for ip in fd00:7::1/64 fd00:1::9/80; do ip address add $ip dev br0; done",
        "ip link add br0 address 02:00:00:00:03:02 type veth peer name br0p address 02:00:00:00:03:03",
        "ip link add br1 address 02:00:00:00:03:01 type bridge; ip link property add dev br1 altname br0",
    ]
)
"""What the node has before: no bridge, one that is up or down, with addresses, another MTU, another kind, another name."""

FORWARDING = (
    "echo {0} > /proc/sys/net/ipv4/ip_forward; echo {0} > /proc/sys/net/ipv6/conf/all/forwarding; "
    "echo 0 > /proc/sys/net/ipv6/conf/eth1/forwarding"
)


@st.composite
def _ptp_calls(draw: st.DrawFn) -> Call:
    """Static addresses have gateways, without which the program has to say what is wrong."""
    addresses = st.lists(
        st.sampled_from(
            [
                {"address": "10.1.2.4/24", "gateway": "10.1.2.1"},
                {"address": "10.1.2.5/24", "gateway": "10.1.2.254"},
                {"address": "10.1.2.6/32", "gateway": "10.1.2.1"},
                {"address": "10.1.3.4/24", "gateway": "10.7.7.1"},
                {"address": "fd00:1::4/64", "gateway": "fd00:1::1"},
                {"address": "fd00:1::5/64", "gateway": "fd00:1::1"},
            ]
        ),
        max_size=3,
        unique_by=str,
    )
    static = st.fixed_dictionaries(
        {"type": st.just("static"), "addresses": addresses},
        optional={"routes": ROUTES, "dns": st.just({"domain": "x"})},
    )
    keys = {"mtu": MTUS, "ipMasq": st.just(False)}
    call = draw(_calls("ptp", keys, {"name": st.just("lab")}))
    more = {
        **call.more,
        "node_before": FORWARDING.format(draw(st.integers(0, 1))),
        "earlier": [
            {"config": json.dumps({"name": "lab", "type": "ptp", **each})} for each in draw(_PTP_EARLIER)
        ],
        "node_after": FORWARDING.format(0),
    }
    return Call({**call.config, "ipam": draw(static | HOST_LOCAL)}, more)


_PTP_EARLIER = st.lists(
    st.just(
        {
            "cniVersion": "1.0.0",
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24"}]]},
        }
    ),
    max_size=1,
)


@st.composite
def _bridge_calls(
    draw: st.DrawFn, keys: Mapping[str, st.SearchStrategy[Any]], before: st.SearchStrategy[str]
) -> Call:
    """On a bridge that may exist before, and to which other pods may be attached already."""
    flags = {
        key: st.booleans()
        for key in ("isGateway", "isDefaultGateway", "forceAddress", "enabledad", "portIsolation")
    }
    shape = draw(
        st.sampled_from(
            [{"hairpinMode": True}, {"promiscMode": True}, {"ipMasq": False, "macspoofchk": False}]
        )
    )
    optional = {**flags, "mtu": MTUS, **keys}
    call = draw(_calls("bridge", optional, {"bridge": st.just("br0"), "name": st.just("lab")}))
    config = {**call.config, **shape}
    if not config.get("ipam"):
        config |= draw(st.sampled_from([{}, {"disableContainerInterface": True}]))
    node = draw(before)
    earlier = draw(st.lists(st.sampled_from(_EARLIER), max_size=2))
    if earlier and not node:  # else the lowest random MAC of all ports is that of the bridge
        earlier[0] = _EARLIER[1]
    if config.get("vlan") and not node:  # likewise: its gateway has a port of its own
        node = _FILTERING
    more = {
        **call.more,
        "node_before": f"{node}\n{FORWARDING.format(draw(st.integers(0, 1)))}",
        "earlier": [{"config": json.dumps({"name": "lab", **each})} for each in earlier],
        "node_after": FORWARDING.format(0),
    }
    return Call(config, more)


_EARLIER: list[Config] = [
    {"cniVersion": "1.0.0", "type": "bridge", "bridge": "br0"},
    {
        "cniVersion": "1.0.0",
        "type": "bridge",
        "bridge": "br0",
        "mtu": 1400,
        "isGateway": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24"}]]},
    },
    {
        "cniVersion": "1.0.0",
        "type": "bridge",
        "bridge": "br0",
        "isDefaultGateway": True,
        "ipam": {"type": "static", "addresses": [{"address": "fd00:1::77/64"}]},
    },
]

_VLAN_INTERFACE = "address 02:00:00:00:03:04 type veth peer name br0p address 02:00:00:00:03:05"
TRUNKS = st.lists(
    st.sampled_from(
        [{}, {"id": 7}, {"id": 100}, {"minID": 5, "maxID": 9}, {"minID": 9, "maxID": 9, "id": 1}]
    ),
    max_size=3,
)


@st.composite
def _calls(draw: st.DrawFn, kind: str, keys: Mapping[str, st.SearchStrategy[Any]], required: Config) -> Call:
    """With a MAC by one of the two ways, sometimes."""
    optional = {
        key: value for key, value in {**keys, "ipam": IPAM, "dns": DNS}.items() if key not in required
    }
    chosen = draw(st.fixed_dictionaries({"cniVersion": VERSIONS, **required}, optional=optional))
    config = {"type": kind, **chosen}
    requested: Config = draw(
        st.sampled_from(
            [
                {},
                {},
                {"args": {"MAC": "02:00:00:00:00:0a", "K8S_POD_NAME": "p"}},
                {"runtime_config": {"mac": "02:00:00:00:00:0b"}},
                {"ifname": "net.5"},
            ]
        )
    )
    return Call({**config, "capabilities": {"mac": True}}, requested)


@st.composite
def _with_nic(draw: st.DrawFn, calls: st.SearchStrategy[Call]) -> Call:
    """The node has this NIC, without a peer whose carrier would take time to change; the pod may have its names already."""
    call = draw(calls)
    node = f"link add nic address 02:00:00:00:00:0c {draw(NICS)}"
    script = f"nsenter --net=/proc/$PPID/ns/net sh -c 'ip {node}'; {draw(TAKEN)}"
    return Call(call.config, {**call.more, "before": script})


SYSCTLS = st.dictionaries(
    st.sampled_from(
        [
            "net.ipv4.conf.IFNAME.rp_filter",
            "net/ipv4/conf/IFNAME/arp_ignore",
            "net.ipv6.conf.IFNAME.accept_ra",
            "net.ipv6.conf.IFNAME.disable_ipv6",
            "net.ipv4.conf.all.forwarding",
            "net.ipv6.conf.default.forwarding",
            "net.core.somaxconn",
            "net.ipv4.conf.IFNAME",
            "net.ipv4.conf.nope.rp_filter",
        ]
    ),
    st.sampled_from(["0", "1", "1", "1", "x", "9999999999999999999999"]),
    max_size=3,
)


@st.composite
def _tuning_calls(draw: st.DrawFn) -> Call:
    """After an interface of each kind, which by itself can be attached."""
    link: Config = draw(
        st.sampled_from(
            [
                {"type": "macvlan", "master": "eth1"},
                {"type": "macvlan", "master": "eth1", "mode": "private"},
                {"type": "vlan", "master": "eth1", "vlanId": 7},
                {"type": "bridge", "bridge": "br0"},
                {"type": "bridge", "bridge": "br0", "isDefaultGateway": True},
                {"type": "ptp"},
            ]
        )
    )
    addresses = [
        {"address": "10.1.2.4/24", "gateway": "10.1.2.1"},
        {"address": "fd00:1::4/64", "gateway": "fd00:1::1"},
    ]
    ipam: Config = {"ipam": {"type": "static", "addresses": addresses}}
    if link["type"] not in ("ptp", "vlan") and draw(st.booleans()):
        ipam = {}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "sysctl": SYSCTLS,
        "mac": MACS,
        "mtu": MTUS,
        "promisc": st.booleans(),
        "allmulti": st.booleans(),
        "txQLen": st.sampled_from([0, 1, 500, 2**31 - 1]),
    }
    tuning: Config = draw(st.fixed_dictionaries({"type": st.just("tuning")}, optional=optional))
    requested: st.SearchStrategy[Config] = st.sampled_from(
        [{}, {"runtime_config": {"mac": "02:00:00:00:00:0b"}}, {"args": {"MAC": "0200.0000.000a"}}]
    )
    name: st.SearchStrategy[Config] = st.sampled_from([{}, {"ifname": "net.5"}])
    more = {
        **draw(requested),
        **draw(name),
        "node_after": FORWARDING.format(0),
    }
    config = {
        "cniVersion": draw(VERSIONS),
        "plugins": [{**link, **ipam}, {**tuning, "capabilities": {"mac": True}}],
    }
    return Call(config, more)


CALLS: Mapping[str, st.SearchStrategy[Call]] = {
    "dummy": _calls("dummy", {}, {"ipam": IPAM, "dns": st.just({})}),
    "host-device": _with_nic(
        _calls("host-device", {"ipam": IPAM, "dns": st.just({})}, {"device": DEVICES})
        | _calls("host-device", {}, {"device": DEVICES, "ipam": IPAM})
    ),
    "ipvlan": _calls(
        "ipvlan",
        {"mode": st.sampled_from(["", "l2", "l3", "l3s"]), "mtu": MTUS, "linkInContainer": st.just(False)},
        {"master": INTERFACES, "ipam": IPAM},
    ),
    "bridge": _bridge_calls({}, BRIDGES),
    "bridge-vlan": _bridge_calls(
        {
            "vlan": st.sampled_from([0, 1, 100, 4094]),
            "vlanTrunk": TRUNKS,
            "preserveDefaultVlan": st.booleans(),
        },
        st.sampled_from(
            [
                "",
                f"{_BRIDGE} vlan_filtering 1 vlan_default_pvid 7; ip link set br0 up",
                f"{_BRIDGE} vlan_filtering 1 vlan_default_pvid 0; ip link set br0 up",
                f"{_BRIDGE}; ip link set br0 up; ip link add br0.100 {_VLAN_INTERFACE}; ip address add 10.1.2.1/24 dev br0.100",
            ]
        ),
    ),
    "ptp": _ptp_calls(),
    "tuning": _tuning_calls(),
    "macvlan": _calls(
        "macvlan",
        {
            "mode": st.sampled_from(["", "bridge", "private", "vepa", "passthru"]),
            "mtu": MTUS,
            "mac": MACS,
            "linkInContainer": st.just(False),
            "bcqueuelen": st.sampled_from([0, 1, 5000, 2**31 - 1]),
        },
        {"master": INTERFACES},
    ),
    "vlan": _calls(
        "vlan",
        {
            "vlanId": st.sampled_from([0, 1, 5, 1002, 4094]),
            "mtu": MTUS,
            "linkInContainer": st.just(False),
        },
        {"master": INTERFACES, "ipam": IPAM},
    ),
}

FAILING: Mapping[str, tuple[Call, ...]] = {
    "bridge-vlan": (Call({"cniVersion": "1.0.0", "type": "bridge", "bridge": "eth1", "vlan": 100}),),
}
"""Calls that fail, by plugin, where generated ones seldom do: the second kernel gets only a few."""
