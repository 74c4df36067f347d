"""Unusual configurations that the reference plugins accept (tried with release 1.9.1) are not denied; similar ones are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.text.finding import Severity
from netattach_core.validation import validator

V4 = {"type": "host-local", "subnet": "10.1.0.0/24"}
V6 = {"type": "host-local", "subnet": "2001:db8::/64"}
STATIC4 = {"type": "static", "addresses": [{"address": "10.1.0.5/24"}]}
STATIC6 = {"type": "static", "addresses": [{"address": "fd00::5/64"}]}


def _bridge(ipam: dict[str, Any], *routes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "bridge", "isDefaultGateway": True, "ipam": {**ipam, "routes": list(routes)}}


def _chain(**plugin: Any) -> dict[str, Any]:
    return {"plugins": [{"type": "bridge", "ipam": V4}, plugin]}


ACCEPTED: dict[str, dict[str, Any]] = {
    "a link-local next hop": {
        "type": "macvlan",
        "master": "eth1",
        "ipam": {**STATIC6, "routes": [{"dst": "fd01::/64", "gw": "fe80::1"}]},
    },
    "the smallest MTU for IPv6": {"type": "macvlan", "master": "eth1", "mtu": 1280, "ipam": STATIC6},
    "a small MTU without IPv6": {"type": "macvlan", "master": "eth1", "mtu": 68, "ipam": V4},
    "a link-local gateway": {"type": "macvlan", "master": "eth1", "ipam": {**V6, "gateway": "fe80::1"}},
    "a default route with a gateway": _bridge(V4, {"dst": "0.0.0.0/0", "gw": "10.1.0.1"}),
    "a default route of the other family": _bridge(V4, {"dst": "::/0"}),
    "a default route with another metric": _bridge(V4, {"dst": "0.0.0.0/0", "priority": 10}),
    "a default route in another table": _bridge(V4, {"dst": "0.0.0.0/0", "table": 100}),
    "keys in another case": {"TYPE": "bridge", "IPAM": V4},
    "an unspecified next hop": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16", "gw": "0.0.0.0"}]},
    },
    "leading zeros in a prefix length": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/00016"}]},
    },
    "keys of sbr that this release does not read": _chain(type="sbr", gateways="x", addSourceHints={}),
    "a MAC of InfiniBand": _chain(
        type="tuning", mac="00:00:00:00:fe:80:00:00:00:00:00:00:00:00:00:00:00:00:00:01"
    ),
    "a whereabouts template's empty range": {
        "type": "macvlan",
        "master": "eth1",
        "ipam": {"type": "whereabouts", "range": "", "ipRanges": [{"range": "10.1.0.0/24"}]},
    },
}
ACCEPTED |= {
    "ranges that flannel fills in": {"type": "flannel", "dataDir": "/f", "ipam": {"type": "host-local"}},
    "ranges that calico fills in": {
        "type": "calico",
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": "usePodCidr"}], [{"subnet": "usePodCidrIPv6"}]],
        },
    },
    "ranges that an unknown plugin may fill in": {"type": "antrea", "ipam": {"type": "host-local"}},
    "a VLAN out of range that is overridden": {"type": "bridge", "vlan": 4095, "VLAN": 7},
    "an MTU in args that overrides an invalid one": _chain(
        type="tuning", mtu=60, args={"cni": {"mtu": 1400}}
    ),
    "a small MTU of a VLAN": {"type": "vlan", "master": "eth1", "mtu": 1, "vlanId": 7, "ipam": V4},
    "a negative MTU of ipvlan": {"type": "ipvlan", "master": "eth1", "mtu": -1, "ipam": V4},
    "unknown keys of calico": {
        "type": "calico",
        "ipam": {"type": "calico-ipam", "new_key": 5},
        "new": {},
    },
    "cilium's own ipam": {"type": "cilium-cni", "ipam": {"pool": "x"}, "enable-debug": True},
    "a MAC with short bytes, which `ip` reads": {"type": "tap", "mac": "2:0:0:0:0:7"},
    "a MAC and an MTU that are not set": {
        "type": "tap",
        "owner": 0,
        "group": 0,
        "mac": "01:00:5e:00:00:01",
        "mtu": 1,
    },
    "the largest MTU of a tap": {"type": "tap", "mtu": 65521},
    "a burst that fills one tick": _chain(type="bandwidth", ingressRate=10**12, ingressBurst=1000000),
    "conditions of nftables with their backend": _chain(
        type="portmap", backend="nftables", conditionsV4=["ip", "daddr", "10.1.0.3"]
    ),
    "conditions whose backend the node decides": _chain(
        type="portmap", conditionsV4=["ip", "daddr", "10.1.0.3"]
    ),
    "one route to two next hops": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16"}, {"dst": "10.2.0.0/16", "gw": "10.1.0.9"}]},
    },
    "one route in two tables": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16"}, {"dst": "10.2.0.0/16", "table": 100}]},
    },
    "a route of the link where there is no gateway": {
        "type": "macvlan",
        "master": "eth1",
        "ipam": {**STATIC4, "routes": [{"dst": "10.2.0.0/16", "scope": 253}]},
    },
    "two IPv6 subnets and a gateway": {
        "type": "bridge",
        "isGateway": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "fd00::/64"}], [{"subnet": "fd01::/64"}]]},
    },
    "an ipam section in two parts": {
        "type": "bridge",
        "ipam": {"type": "host-local"},
        "IPAM": {"subnet": "10.1.0.0/24"},
    },
    "host bits for a device that may be in user space": {
        "type": "host-device",
        "pciBusID": "0000:00:1f.6",
        "ipam": {**STATIC4, "routes": [{"dst": "10.2.0.5/16"}]},
    },
}
REJECTED: dict[str, dict[str, Any]] = {
    "a number that does not fit, although overridden": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16", "mtu": 2**63, "MTU": 1400}]},
    },
    "a negative count, although overridden": {
        "type": "macvlan",
        "master": "eth1",
        "bcqueuelen": -1,
        "BCQUEUELEN": 1,
    },
    "a VLAN of the loopback": {"type": "vlan", "master": "lo", "vlanId": 7, "ipam": V4},
    "an ipam section that is reset by a null": {"type": "bridge", "ipam": V4, "IPAM": None},
    "an invalid MAC in args that overrides a valid one": _chain(
        type="tuning", mac="02:00:00:00:00:01", args={"cni": {"mac": "02:00"}}
    ),
    "a small MTU in args": _chain(type="tuning", args={"cni": {"mtu": 60}}),
    "a sysctl of the kernel in args": _chain(
        type="tuning", sysctl={}, args={"cni": {"sysctl": {"kernel.shmmax": "1"}}}
    ),
    "an MTU too small for IPv6 on a VLAN": {
        "type": "vlan",
        "master": "eth1",
        "mtu": 1,
        "vlanId": 7,
        "ipam": STATIC6,
    },
    "an MTU that ipvlan's kernel refuses": {"type": "ipvlan", "master": "eth1", "mtu": 65536, "ipam": V4},
    "a flag of calico without quotes": {
        "type": "calico",
        "ipam": {"type": "calico-ipam", "assign_ipv4": True},
    },
    "cilium's debug as a string": {"type": "cilium-cni", "enable-debug": "true"},
    "a delegate that is a string": {"type": "flannel", "delegate": "bridge"},
    "a MAC with dashes, which `ip` does not read": {"type": "tap", "mac": "02-00-00-00-00-07"},
    "an MTU above that of a tap": {"type": "tap", "mtu": 65522},
    "an invalid user": {"type": "tap", "owner": 2**32 - 1, "group": 0},
    "an invalid MAC, although it is not set": {"type": "tap", "owner": 0, "group": 0, "mac": "02:00"},
    "a burst too small for its rate": _chain(type="bandwidth", ingressRate=10**12, ingressBurst=100000),
    "an empty backend": _chain(type="portmap", backend=""),
    "conditions of the other backend": _chain(
        type="portmap", backend="nftables", conditionsV4=["-d", "10.1.0.3"]
    ),
    "conditions of both backends": _chain(
        type="portmap", conditionsV4=["-d", "10.1.0.3"], conditionsV6=["ip6"]
    ),
    "a bit and an empty chain": _chain(type="portmap", markMasqBit=1, externalSetMarkChain=""),
    "routes that differ only in ignored keys": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16"}, {"dst": "10.2.0.0/16", "mtu": 1400}]},
    },
    "a route of the link where a gateway comes with the address": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16", "scope": 253}]},
    },
    "a next hop on a route that is not of the link": {
        "type": "macvlan",
        "master": "eth1",
        "ipam": {**STATIC4, "routes": [{"dst": "10.7.0.1/32"}, {"dst": "10.2.0.0/16", "gw": "10.7.0.1"}]},
    },
    "a route with scope host and a next hop": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16", "gw": "10.1.0.1", "scope": 254}]},
    },
    "a route to nowhere": {
        "type": "macvlan",
        "master": "eth1",
        "ipam": {**STATIC4, "routes": [{"dst": "10.2.0.0/16", "scope": 255}]},
    },
    "a broadcast address as next hop": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16", "gw": "10.1.0.255"}]},
    },
    "a number too large for a result": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16", "mtu": 2**63 - 1}]},
    },
    "null as a subnet": {
        "type": "bridge",
        "ipam": {**V4, "subnet": None, "ranges": [[{"subnet": "10.1.0.0/24"}]]},
    },
    "a start that is not used, and no address": {
        "type": "bridge",
        "ipam": {"type": "host-local", "rangeStart": "x", "ranges": [[{"subnet": "10.1.0.0/24"}]]},
    },
    "host bits for a device of the kernel": {
        "type": "host-device",
        "device": "eth1",
        "ipam": {**STATIC4, "routes": [{"dst": "10.2.0.5/16"}]},
    },
    "an invalid PCI address next to a device": {
        "type": "host-device",
        "device": "eth1",
        "pciBusID": "1f.6",
    },
    "a wrong type, although overridden": {"type": "bridge", "mtu": "1500", "MTU": 1500},
    "a VLAN interface with a name that is too long": {
        "type": "bridge",
        "bridge": "b" * 12,
        "vlan": 100,
        "isGateway": True,
        "ipam": V4,
    },
    "an MTU too small for IPv6": {"type": "macvlan", "master": "eth1", "mtu": 1279, "ipam": STATIC6},
    "an MTU too small for IPv6 on a bridge": {"type": "bridge", "mtu": 68, "ipam": V6},
    "a second default route": _bridge(V4, {"dst": "0.0.0.0/0"}),
    "a second default route in another notation": _bridge(V4, {"dst": "0.0.0.0/00"}),
    "no masquerade backend where one is used": {
        "type": "bridge",
        "ipMasq": True,
        "ipMasqBackend": "",
        "ipam": V4,
    },
    "a next hop of another subnet": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16", "gw": "10.9.0.1"}]},
    },
    "no addresses in a version that needs them": {"type": "tap", "cniVersion": "0.2.0"},
    "versions that are not a list": {"type": "bridge", "ipam": V4, "cniVersions": "1.0.0"},
    "versions next to a chain that are not a list": {**_chain(type="portmap"), "cniVersions": "1.0.0"},
}


TWICE = '{"cniVersion":"1.0.0","plugins":[{"type":"bridge"},{"type":"tuning","sysctl":{"net.a":"1","net.a":"2"}}]}'


def _denials(config: dict[str, Any] | str) -> list[str]:
    text = config if isinstance(config, str) else json.dumps({"cniVersion": "1.0.0", "name": "n", **config})
    body = {"metadata": {"name": "n"}, "spec": {"config": text}}
    return [
        finding.problem for finding in validator.validate(body) if finding.effective_severity is Severity.DENY
    ]


@pytest.mark.parametrize("config", ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_plugins_accept_is_not_denied(config: dict[str, Any]) -> None:
    """A wrong denial is worse for a user than a missing warning."""
    assert [] == _denials(config)


@pytest.mark.parametrize("config", REJECTED.values(), ids=REJECTED)
def test_similar_configs_that_the_plugins_reject_are_denied(config: dict[str, Any]) -> None:
    """The same keys, with values that certainly fail."""
    assert 1 == len(_denials(config))


def test_a_duplicate_sysctl_is_denied() -> None:
    """Elsewhere duplicate keys are only a warning (tuning.go: sysctlKey)."""
    assert ["duplicate sysctl `net.a`; the tuning plugin refuses it"] == _denials(TWICE)


def test_an_alias_of_a_plugin_is_validated_like_the_plugin() -> None:
    """KubeVirt's builds of bridge and tuning."""
    chain = [{"type": "cnv-bridge", "bridge": "br1", "vlan": "100"}, {"type": "cnv-tuning", "mtu": "x"}]
    findings = validator.validate({"spec": {"config": json.dumps({"cniVersion": "0.3.1", "plugins": chain})}})

    assert [("schema", ("plugins", 0, "vlan")), ("schema", ("plugins", 1, "mtu"))] == [
        (finding.rule.id, finding.path) for finding in findings
    ]
