"""What the reference plugins were seen to take (release 1.9.1, in namespaces) is not denied, however odd it looks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import policy
from netattach_core.finding import Severity

V4 = {"type": "host-local", "subnet": "10.1.0.0/24"}
V6 = {"type": "host-local", "subnet": "2001:db8::/64"}
STATIC6 = {"type": "static", "addresses": [{"address": "fd00::5/64"}]}


def _bridge(ipam: dict[str, Any], *routes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "bridge", "isDefaultGateway": True, "ipam": {**ipam, "routes": list(routes)}}


def _chain(**plugin: Any) -> dict[str, Any]:
    return {"plugins": [{"type": "bridge", "ipam": V4}, plugin]}


TAKEN: dict[str, dict[str, Any]] = {
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
    "a default route of another metric": _bridge(V4, {"dst": "0.0.0.0/0", "priority": 10}),
    "a default route of another table": _bridge(V4, {"dst": "0.0.0.0/0", "table": 100}),
    "keys in another case": {"TYPE": "bridge", "IPAM": V4},
    "a next hop that is none": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/16", "gw": "0.0.0.0"}]},
    },
    "leading zeros in a prefix length": {
        "type": "bridge",
        "ipam": {**V4, "routes": [{"dst": "10.2.0.0/00016"}]},
    },
    "keys of sbr that its release does not read": _chain(type="sbr", gateways="x", addSourceHints={}),
    "a MAC of InfiniBand": _chain(
        type="tuning", mac="00:00:00:00:fe:80:00:00:00:00:00:00:00:00:00:00:00:00:00:01"
    ),
    "a whereabouts template's empty range": {
        "type": "macvlan",
        "master": "eth1",
        "ipam": {"type": "whereabouts", "range": "", "ipRanges": [{"range": "10.1.0.0/24"}]},
    },
}
REFUSED: dict[str, dict[str, Any]] = {
    "an MTU too small for IPv6": {"type": "macvlan", "master": "eth1", "mtu": 1279, "ipam": STATIC6},
    "an MTU too small for IPv6 on a bridge": {"type": "bridge", "mtu": 68, "ipam": V6},
    "a second default route": _bridge(V4, {"dst": "0.0.0.0/0"}),
    "a second default route, oddly written": _bridge(V4, {"dst": "0.0.0.0/00"}),
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
    "versions that are no list": {"type": "bridge", "ipam": V4, "cniVersions": "1.0.0"},
    "versions beside a chain that are no list": {**_chain(type="portmap"), "cniVersions": "1.0.0"},
}


def _denials(config: dict[str, Any]) -> list[str]:
    text = json.dumps({"cniVersion": "1.0.0", "name": "n", **config})
    body = {"metadata": {"name": "n"}, "spec": {"config": text}}
    return [finding.problem for finding in policy.judge(body) if finding.weight is Severity.DENY]


@pytest.mark.parametrize("config", TAKEN.values(), ids=TAKEN)
def test_what_the_plugin_takes_is_not_denied(config: dict[str, Any]) -> None:
    """A false denial costs a user more than a warning."""
    assert [] == _denials(config)


@pytest.mark.parametrize("config", REFUSED.values(), ids=REFUSED)
def test_what_the_plugin_refuses_beside_it_is_denied(config: dict[str, Any]) -> None:
    """The same places, wrong for certain."""
    assert 1 == len(_denials(config))
