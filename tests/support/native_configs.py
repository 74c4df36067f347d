"""Calls that native drivers understand, as strategies of hypothesis, by plugin."""

from __future__ import annotations

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
DEVICES = st.sampled_from(["card", "card", "card", "eth9"])
CARDS = st.sampled_from(
    [
        "type ifb",
        "mtu 1400 type ifb; ip link set card up",
        "type ifb; ip address add 10.5.5.5/24 dev card; ip link set card alias x up",
        "type macvlan link eth2 mode vepa",
    ]
)
TAKEN = st.sampled_from(["", "", "ip link add net1 type ifb", "ip link add card type ifb"])
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
def _with_card(draw: st.DrawFn, calls: st.SearchStrategy[Call]) -> Call:
    """The node has this NIC, without a peer whose carrier would take time to change; the pod may have its names already."""
    call = draw(calls)
    node = f"link add card address 02:00:00:00:00:0c {draw(CARDS)}"
    script = f"nsenter --net=/proc/$PPID/ns/net sh -c 'ip {node}'; {draw(TAKEN)}"
    return Call(call.config, {**call.more, "before": script})


CALLS: Mapping[str, st.SearchStrategy[Call]] = {
    "dummy": _calls("dummy", {}, {"ipam": IPAM, "dns": st.just({})}),
    "host-device": _with_card(
        _calls("host-device", {"ipam": IPAM, "dns": st.just({})}, {"device": DEVICES})
        | _calls("host-device", {}, {"device": DEVICES, "ipam": IPAM})
    ),
    "ipvlan": _calls(
        "ipvlan",
        {"mode": st.sampled_from(["", "l2", "l3", "l3s"]), "mtu": MTUS, "linkInContainer": st.just(False)},
        {"master": INTERFACES, "ipam": IPAM},
    ),
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
