"""Valid configs of the reference plugins, and more values for their fields: what people write, valid and invalid."""

from __future__ import annotations

from typing import Any

from support.differential import Config, Subject

STATIC: Config = {"type": "static", "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}]}
ROUTED: Config = {**STATIC, "routes": [{"dst": "10.9.0.0/16", "gw": "10.1.2.1"}]}
BOTH: Config = {
    "type": "static",
    "addresses": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}, {"address": "fd00:1::3/64"}],
    "routes": [{"dst": "10.9.0.0/16"}, {"dst": "fd00:9::/64"}],
}
RANGE: Config = {"type": "host-local", "dataDir": "SCRATCH/leases", "subnet": "10.1.2.0/24"}
RANGES: Config = {
    "type": "host-local",
    "dataDir": "SCRATCH/leases",
    "ranges": [
        [{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.20", "rangeEnd": "10.1.2.30"}],
        [{"subnet": "fd00:1::/64"}],
    ],
    "routes": [{"dst": "10.9.0.0/16", "gw": "10.1.2.1"}, {"dst": "fd00:9::/64"}],
}

MACS = (
    "02:00:00:00:00:07",
    "02-00-00-00-00-07",
    "0200.0000.0007",
    "020000000007",
    "02:00:00:00:00",
    "00:00:00:00:00:00",
    "01:00:5e:00:00:01",
    "ff:ff:ff:ff:ff:ff",
    "02:00:00:00:00:00:00:07",
    "02:00:00:00:00:0g",
    "2:0:0:0:0:7",
)
CIDRS = (
    "10.1.2.0/24",
    "10.1.2.9/24",
    "10.1.2.9",
    "10.1.2.0/255.255.255.0",
    "10.01.2.0/24",
    "10.1.2.0/024",
    "10.1.2.0/33",
    "10.1.2.0/31",
    "10.1.2.0/30",
    "10.1.2.0/32",
    "::ffff:10.1.2.0/120",
    "fd00:1::/64",
    "fd00:1::/126",
    "fd00:1::/127",
    "fd00:1::%eth0/64",
    "0.0.0.0/0",
    "::/0",
    "224.0.0.1/24",
    "ff02::1/64",
    "127.0.0.2/8",
    "169.254.1.1/16",
    "fe80::7/64",
    " 10.1.2.0/24",
    "10.1.2.255/24",
    "::/64",
    "10.7.0.0/16",
)
ADDRESSES = (
    "10.1.2.1",
    "10.1.2.9",
    "10.1.2.0",
    "10.1.2.255",
    "10.7.0.1",
    "10.1.2.1/24",
    "fd00:1::1",
    "fe80::1",
    "::ffff:10.1.2.1",
    "0.0.0.0",
    "::",
    "10.1.2.01",
    "1.2.3",
    "fe80::1%eth0",
    "224.0.0.1",
)
MTUS = (68, 67, 1279, 1280, 1500, 1501, 9000, 65535, 65536)
INTERFACES = (
    "eth1",
    "eth0",
    "lo",
    "eth9",
    "far1",
    "a/b",
    "a b",
    "net%d",
    "ä" * 8,
    "b" * 15,
    "b" * 16,
    "all",
    ".",
)
TABLES = (0, 100, 254, 255, 253, -1)
ROUTE_VALUES: dict[str, tuple[Any, ...]] = {
    "dst": CIDRS,
    "gw": ADDRESSES,
    "scope": (0, 200, 253, 254, 255, 256),
    "table": TABLES,
    "priority": (100,),
    "mtu": (1400,),
    "advmss": (1200,),
    "routes": (
        [{"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16"}],
        [{"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16", "mtu": 1400}],
        [{"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16", "priority": 7}],
        [{"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16", "table": 100}],
        [{"dst": "10.9.0.0/16"}, {"dst": "10.9.0.0/16", "gw": "10.1.2.9"}],
        [{"dst": "10.9.0.5/16"}],
        [{"dst": "0.0.0.0/0"}],
        [{"dst": "10.9.0.0/16", "gw": "10.1.2.1", "scope": 253}],
        [{"dst": "10.9.0.0/16", "scope": 253}],
        [{"dst": "10.7.0.1/32"}, {"dst": "10.9.0.0/16", "gw": "10.7.0.1"}],
        [{"dst": "10.9.0.0/16", "gw": "10.7.0.1"}, {"dst": "10.7.0.1/32"}],
    ),
}


def config(kind: str, **keys: Any) -> Config:
    return {"cniVersion": "1.0.0", "name": "lab", "type": kind, **keys}


def chain(*plugins: Config) -> Config:
    return {"cniVersion": "1.0.0", "name": "lab", "plugins": [*plugins]}


def after_bridge(**plugin: Any) -> Config:
    return chain({"type": "bridge", "bridge": "br1", "ipam": STATIC}, plugin)


COMMON = ("cniVersion", "name", "dns", "capabilities", "args", "ipam", "IPAM", "colour")

VLAN_KEYS = ("vlan", "vlanTrunk", "preserveDefaultVlan")
"""bridge with VLANs, which needs a kernel with VLAN filtering."""

BRIDGE = Subject(
    "bridge",
    (
        config("bridge", bridge="br1"),
        config("bridge", bridge="br1", ipam=RANGE),
        config("bridge", bridge="br1", isGateway=True, ipMasq=True, ipam=ROUTED),
        config("bridge", bridge="br1", isDefaultGateway=True, ipam=BOTH),
    ),
    {"bridge": INTERFACES, "mtu": MTUS, "ipMasqBackend": ("iptables", "Iptables")},
    common=COMMON,
    without=VLAN_KEYS,
)
MACVLAN = Subject(
    "macvlan",
    (
        config("macvlan", master="eth1"),
        config("macvlan", master="eth1", ipam=ROUTED),
        config("macvlan", master="eth1", ipam=BOTH),
    ),
    {"master": INTERFACES, "mtu": MTUS, "mac": MACS},
    common=COMMON,
)
HOST_LOCAL = Subject(
    "host-local",
    (
        config("bridge", bridge="br1", ipam=RANGE),
        config("bridge", bridge="br1", ipam=RANGES),
        config("macvlan", master="eth1", ipam=RANGES),
    ),
    {
        "subnet": CIDRS,
        "gateway": ADDRESSES,
        "rangeStart": ADDRESSES,
        "rangeEnd": ADDRESSES,
        "resolvConf": ("/etc/resolv.conf", "/nowhere"),
        "dataDir": ("SCRATCH/other", "relative"),
        "ranges": (
            [[]],
            [{"subnet": "10.1.2.0/24"}],
            [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.2.0/25"}]],
        ),
        **ROUTE_VALUES,
    },
    ipam=True,
)
STATIC_IPAM = Subject(
    "static",
    (
        config("bridge", bridge="br1", ipam=ROUTED),
        config("macvlan", master="eth1", ipam=BOTH),
        config("host-device", device="eth2", ipam=ROUTED),
        config("bridge", bridge="br1", isDefaultGateway=True, ipam=STATIC),
    ),
    {
        "address": CIDRS,
        "gateway": ADDRESSES,
        "addresses": (
            [{"address": "10.1.2.3/24"}, {"address": "10.1.2.3/24"}],
            [{"address": "10.1.2.3/24"}, {"address": "10.1.2.4/24"}],
            [{"address": "10.1.2.3/24"}, {"address": "10.1.2.3/25"}],
            [{"address": "fd00:1::3/64"}],
        ),
        **ROUTE_VALUES,
    },
    ipam=True,
)
PTP = Subject(
    "ptp",
    (config("ptp", ipam=RANGE), config("ptp", ipMasq=True, ipam=STATIC)),
    {"mtu": MTUS, "ipMasqBackend": ("iptables", "Iptables")},
    common=COMMON,
)
TAP = Subject(
    "tap",
    (
        config("tap"),
        config("tap", owner=0, group=0, ipam=STATIC),
        config("tap", mac="02:00:00:00:00:07", ipam=ROUTED),
    ),
    {"mtu": MTUS, "mac": MACS},
    common=COMMON,
)
HOST_DEVICE = Subject(
    "host-device",
    (config("host-device", device="eth2"), config("host-device", device="eth2", ipam=ROUTED)),
    {
        "device": (*INTERFACES, "eth2"),
        "hwaddr": MACS,
        "kernelpath": ("sys", "/dev/eth2"),
        "pciBusID": ("1f.6", "0000:00:1f"),
    },
    common=COMMON,
)
TUNING = Subject(
    "tuning",
    (
        after_bridge(type="tuning"),
        after_bridge(type="tuning", mac="02:00:00:00:00:07", mtu=1400, dataDir="SCRATCH/tuning"),
    ),
    {
        "mac": MACS,
        "mtu": MTUS,
        "sysctl": (
            {"net.ipv4.conf.IFNAME.rp_filter": "0"},
            {"net/ipv4/conf/IFNAME/rp_filter": "0"},
            {"kernel.shmmax": "1"},
            {"net.ipv4.conf.IFNAME.rp_filter": 0},
            {"": "1"},
            {"net.core/../../kernel.shmmax": "1"},
            {"net": "1"},
            {"net.ipv4.conf.IFNAME.rp_filter": "0", "net/ipv4/conf/IFNAME/rp_filter": "0"},
        ),
        "args": (
            {"cni": {"sysctl": {}}},
            {"cni": {"sysctl": {"net.ipv4.ip_forward": "1"}}},
            {"cni": {"mtu": "5"}},
        ),
        "txQLen": (0, 500),
        "dataDir": ("SCRATCH/tuning",),
    },
    common=("cniVersion", "capabilities", "args", "colour"),
)
BANDWIDTH = Subject(
    "bandwidth",
    (
        after_bridge(type="bandwidth", ingressRate=1000000, ingressBurst=100000),
        after_bridge(
            type="bandwidth", ingressRate=1000000, ingressBurst=100000, egressRate=1000000, egressBurst=100000
        ),
        chain({"type": "macvlan", "master": "eth1", "ipam": STATIC}, {"type": "bandwidth"}),
    ),
    {
        **dict.fromkeys(("ingressRate", "egressRate"), (1, 7, 8, 1000, 10**9, 10**12, 2**35)),
        **dict.fromkeys(
            ("ingressBurst", "egressBurst"),
            (1, 7, 8, 100, 1000, 12000, 10**9, 8 * (2**32 - 1), 8 * (2**32 - 1) - 1),
        ),
    },
    common=("cniVersion", "capabilities", "colour"),
)
PORTMAP = Subject(
    "portmap",
    (
        after_bridge(type="portmap"),
        after_bridge(type="portmap", capabilities={"portMappings": True}, snat=True),
    ),
    {
        "conditionsV4": (["-d", "10.1.2.3"], ["ip", "daddr", "10.1.2.3"], [""], ["!", "-d"]),
        "conditionsV6": (["-d", "fd00::1"], ["ip6", "daddr", "fd00::1"]),
        "externalSetMarkChain": ("KUBE-MARK-MASQ",),
    },
    common=("cniVersion", "capabilities", "colour"),
)
SBR = Subject(
    "sbr",
    (
        after_bridge(type="sbr"),
        chain({"type": "macvlan", "master": "eth1", "ipam": ROUTED}, {"type": "sbr"}),
    ),
    {"table": TABLES, "gateways": (["10.1.2.1"], "x"), "addSourceHints": (True, "x")},
    refused=(chain({"type": "bridge", "bridge": "br1"}, {"type": "sbr"}),),
    common=("cniVersion", "capabilities", "colour"),
)
FIRST_KERNEL = (
    BRIDGE,
    MACVLAN,
    HOST_LOCAL,
    STATIC_IPAM,
    PTP,
    TAP,
    HOST_DEVICE,
    TUNING,
    BANDWIDTH,
    PORTMAP,
    SBR,
)

VLAN_CARD = {"master": "eth1", "vlanId": 7, "ipam": STATIC}
BRIDGE_VLANS = Subject(
    "bridge",
    (
        config("bridge", bridge="br1", vlan=7),
        config("bridge", bridge="bridge1", vlan=7, isGateway=True, ipam=STATIC),
        config("bridge", bridge="br1", vlanTrunk=[{"minID": 5, "maxID": 9}, {"id": 20}]),
    ),
    {
        "bridge": ("b" * 12, "b" * 13, "b" * 15),
        "vlanTrunk": ([{"minID": 9, "maxID": 5}], [{"minID": 5}], [{"id": 4095}], [{"id": 0}], [{}]),
    },
    name="bridge-vlans",
    only=("bridge", *VLAN_KEYS),
)
VLAN = Subject(
    "vlan",
    (config("vlan", **VLAN_CARD), config("vlan", **{**VLAN_CARD, "ipam": ROUTED})),
    {"master": INTERFACES, "mtu": MTUS},
    common=("cniVersion", "ipam", "colour"),
)
IPVLAN = Subject(
    "ipvlan",
    (
        config("ipvlan", master="eth1", ipam=STATIC),
        config("ipvlan", master="eth1", mode="l3", ipam=ROUTED),
        config("ipvlan", master="eth1", ipam=BOTH),
    ),
    {"master": INTERFACES, "mtu": MTUS},
    common=("cniVersion", "ipam", "colour"),
)
DUMMY = Subject(
    "dummy",
    (config("dummy", ipam=STATIC), config("dummy", ipam=ROUTED), config("dummy", ipam=RANGES)),
    common=COMMON,
)
VRF = Subject(
    "vrf",
    (
        after_bridge(type="vrf", vrfname="blue"),
        after_bridge(type="vrf", vrfname="blue", table=100),
        chain({"type": "bridge", "bridge": "br1"}, {"type": "vrf", "vrfname": "blue"}),
    ),
    {"vrfname": ("net1", *INTERFACES), "table": TABLES},
    common=("cniVersion", "capabilities", "colour"),
)
SECOND_KERNEL = {"vlan": VLAN, "ipvlan": IPVLAN, "dummy": DUMMY, "vrf": VRF}
"""Subjects by the kind of link that the kernel has to support; also bridge with VLANs."""

ALL = (*FIRST_KERNEL, BRIDGE_VLANS, *SECOND_KERNEL.values())
