"""network-status, byte for byte as Multus writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.attach import network_status, result_routes
from netattach_core.attach.default_route import Hop
from netattach_core.cni import result as cni_result

KINDNET = {
    "cniVersion": "0.3.1",
    "interfaces": [{"name": "eth0", "mac": "aa:bb:cc:dd:ee:ff", "sandbox": "/run/netns/p"}],
    "ips": [{"version": "4", "interface": 0, "address": "10.244.1.2/24", "gateway": "10.244.1.1"}],
    "routes": [{"dst": "0.0.0.0/0", "gw": "10.244.1.1"}],
}
MACVLAN = {
    "cniVersion": "0.3.1",
    "interfaces": [{"name": "net1", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/p"}],
    "ips": [{"version": "4", "interface": 0, "address": "10.1.1.11/24"}],
}
SAMPLE = """[{
    "name": "kindnet",
    "interface": "eth0",
    "ips": [
        "10.244.1.2"
    ],
    "mac": "aa:bb:cc:dd:ee:ff",
    "default": true,
    "dns": {},
    "gateway": [
        "10.244.1.1"
    ]
},{
    "name": "default/macvlan1-config",
    "interface": "net1",
    "ips": [
        "10.1.1.11"
    ],
    "mac": "02:00:00:00:00:01",
    "dns": {}
}]"""


def _entries(body: dict[str, Any], *, default: bool = False, network: str = "n") -> list[dict[str, Any]]:
    return network_status.entries(network, "net1", cni_result.parse(json.dumps(body), ""), default=default)


def test_the_sample() -> None:
    """The text that tools compare and tutorials show."""
    status = [
        *_entries(KINDNET, default=True, network="kindnet"),
        *_entries(MACVLAN, network="default/macvlan1-config"),
    ]

    assert SAMPLE == network_status.text(status)


SANDBOXED = {"name": "example0", "mac": "m0", "sandbox": "/n"}
TWO_IPS = [{"address": "1.1.1.3/24"}, {"address": "2.2.2.3/24"}]
GOLDEN: dict[str, tuple[dict[str, Any], bool, list[dict[str, Any]]]] = {
    "one interface, two addresses without an index": (
        {"interfaces": [SANDBOXED], "ips": TWO_IPS},
        False,
        [{"name": "n", "interface": "example0", "ips": ["1.1.1.3", "2.2.2.3"], "mac": "m0", "dns": {}}],
    ),
    "a default route's gateway": (
        {"interfaces": [SANDBOXED], "routes": [{"dst": "0.0.0.0/0", "gw": "1.1.1.1"}]},
        False,
        [{"name": "n", "interface": "example0", "mac": "m0", "dns": {}, "gateway": ["1.1.1.1"]}],
    ),
    "a second route with only a gateway": (
        {"interfaces": [SANDBOXED], "routes": [{"dst": "0.0.0.0/0", "gw": "1.1.1.1"}, {"gw": "2.2.2.1"}]},
        False,
        [{"name": "n", "interface": "example0", "mac": "m0", "dns": {}, "gateway": ["1.1.1.1", "2.2.2.1"]}],
    ),
    "a route to somewhere": (
        {"interfaces": [SANDBOXED], "routes": [{"dst": "10.10.10.0/24", "gw": "1.1.1.1"}]},
        False,
        [{"name": "n", "interface": "example0", "mac": "m0", "dns": {}}],
    ),
    "half of everything is not a default route": (
        {"interfaces": [SANDBOXED], "routes": [{"dst": "0.0.0.0/1", "gw": "1.1.1.1"}]},
        False,
        [{"name": "n", "interface": "example0", "mac": "m0", "dns": {}}],
    ),
    "a default route without a gateway is no <nil>": (
        {"interfaces": [SANDBOXED], "routes": [{"dst": "0.0.0.0/0"}]},
        False,
        [{"name": "n", "interface": "example0", "mac": "m0", "dns": {}}],
    ),
    "a default route without a gateway leads to its address' gateway": (
        {
            "interfaces": [SANDBOXED],
            "ips": [
                {"address": "fd00::3/64", "gateway": "fd00::1"},
                {"address": "1.1.1.3/24", "gateway": "1.1.1.1"},
            ],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
        False,
        [
            {
                "name": "n",
                "interface": "example0",
                "ips": ["fd00::3", "1.1.1.3"],
                "mac": "m0",
                "dns": {},
                "gateway": ["1.1.1.1"],
            }
        ],
    ),
    "an interface of the node and two of the pod": (
        {
            "interfaces": [
                {"name": "foo"},
                SANDBOXED,
                {"name": "example1", "mac": "m1", "mtu": 1500, "sandbox": "/n"},
            ],
            "ips": [
                {"address": "1.1.1.3/24", "interface": 1},
                {"address": "1.1.1.4/24", "interface": 1},
                {"address": "2.2.2.3/24", "interface": 2},
            ],
        },
        True,
        [
            {
                "name": "n",
                "interface": "example0",
                "ips": ["1.1.1.3", "1.1.1.4"],
                "mac": "m0",
                "default": True,
                "dns": {},
            },
            {"name": "n", "interface": "example1", "ips": ["2.2.2.3"], "mac": "m1", "mtu": 1500, "dns": {}},
        ],
    ),
    "the interface with the gateway is the default one": (
        {
            "interfaces": [SANDBOXED, {"name": "example1", "mac": "m1", "sandbox": "/n"}],
            "ips": [{"address": "2.2.2.3/24", "interface": 1, "gateway": "2.2.2.1"}],
        },
        True,
        [
            {"name": "n", "interface": "example0", "mac": "m0", "dns": {}},
            {
                "name": "n",
                "interface": "example1",
                "ips": ["2.2.2.3"],
                "mac": "m1",
                "default": True,
                "dns": {},
            },
        ],
    ),
    "addresses without an index belong to the last interface": (
        {"interfaces": [SANDBOXED, {"name": "example1", "mac": "m1", "sandbox": "/n"}], "ips": TWO_IPS},
        False,
        [
            {"name": "n", "interface": "example0", "mac": "m0", "dns": {}},
            {"name": "n", "interface": "example1", "ips": ["1.1.1.3", "2.2.2.3"], "mac": "m1", "dns": {}},
        ],
    ),
    "an address of the node's interface is not the pod's": (
        {
            "interfaces": [{"name": "veth0"}, SANDBOXED, {"name": "example1", "mac": "m1", "sandbox": "/n"}],
            "ips": [{"address": "9.9.9.9/24", "interface": 0}, {"address": "1.1.1.3/24", "interface": 1}],
        },
        False,
        [
            {"name": "n", "interface": "example0", "ips": ["1.1.1.3"], "mac": "m0", "dns": {}},
            {"name": "n", "interface": "example1", "mac": "m1", "dns": {}},
        ],
    ),
    "of several with a gateway the first is the default one": (
        {
            "interfaces": [SANDBOXED, {"name": "example1", "mac": "m1", "sandbox": "/n"}],
            "ips": [
                {"address": "1.1.1.3/24", "interface": 0, "gateway": "1.1.1.1"},
                {"address": "2.2.2.3/24", "interface": 1, "gateway": "2.2.2.1"},
            ],
        },
        True,
        [
            {
                "name": "n",
                "interface": "example0",
                "ips": ["1.1.1.3"],
                "mac": "m0",
                "default": True,
                "dns": {},
            },
            {"name": "n", "interface": "example1", "ips": ["2.2.2.3"], "mac": "m1", "dns": {}},
        ],
    ),
    "an interface without a sandbox (Calico)": (
        {"interfaces": [{"name": "cali0"}], "ips": TWO_IPS},
        True,
        [{"name": "n", "ips": ["1.1.1.3", "2.2.2.3"], "default": True, "dns": {}}],
    ),
    "no interface at all: CNI_IFNAME": (
        {"ips": TWO_IPS},
        True,
        [{"name": "n", "interface": "net1", "ips": ["1.1.1.3", "2.2.2.3"], "default": True, "dns": {}}],
    ),
}


IN_FORCE: dict[str, tuple[dict[int, tuple[Hop, ...]], list[str]]] = {
    "unknown": ({}, ["1.1.1.1", "fd00::1"]),
    "over this network": (
        {4: (Hop("net1", "1.1.1.1"),), 6: (Hop("net1", "fd00::1"),)},
        ["1.1.1.1", "fd00::1"],
    ),
    "over its second interface": ({4: (Hop("example0", "1.1.1.1"),)}, ["1.1.1.1", "fd00::1"]),
    "over another network": ({4: (Hop("eth0", "9.9.9.9"),)}, ["fd00::1"]),
    "over both": ({6: (Hop("eth0", "fd09::1"), Hop("net1", "fd00::1"))}, ["1.1.1.1", "fd00::1"]),
    "none at all": ({4: (Hop("eth0", ""),), 6: (Hop("eth0", ""),)}, []),
}


@pytest.mark.parametrize(("in_force", "gateways"), IN_FORCE.values(), ids=IN_FORCE)
def test_a_gateway_that_is_not_in_force_is_left_out(
    in_force: dict[int, tuple[Hop, ...]], gateways: list[str]
) -> None:
    """By IP version; all else stays."""
    body = {
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "net1", "sandbox": "/n"}, SANDBOXED],
        "routes": [
            {"dst": "0.0.0.0/0", "gw": "1.1.1.1"},
            {"gw": "fd00::1"},
            {"dst": "10.0.0.0/8", "gw": "1.1.1.2"},
        ],
    }
    result = cni_result.parse(json.dumps(body), "")

    reduced = result_routes.only_in_force(result, "net1", in_force)

    assert gateways == network_status.entries("n", "net1", reduced, default=False)[0].get("gateway", [])
    assert "10.0.0.0/8" == reduced.routes[-1].dst


INFO = {
    "type": "pci",
    "version": "1.1.0",
    "pci": {"pci-address": "0000:3b:02.0", "vhost-net": "/dev/vhost-net"},
}


def test_device_info_is_between_dns_and_gateway_of_each_interface() -> None:
    """As CreateNetworkStatuses of network-attachment-definition-client writes it, with the gateways in each entry."""
    body = {
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "host0"}, SANDBOXED, {"name": "example1", "mac": "m1", "sandbox": "/n"}],
        "ips": [{"address": "1.1.1.3/24", "interface": 1}, {"address": "fd00::3/64", "interface": 2}],
        "routes": [{"dst": "0.0.0.0/0", "gw": "1.1.1.1"}, {"dst": "::/0", "gw": "fd00::1"}],
    }

    entries = network_status.entries(
        "n", "net1", cni_result.parse(json.dumps(body), ""), default=False, device_info=INFO
    )

    keys = ["name", "interface", "ips", "mac", "dns", "device-info", "gateway"]
    assert [keys, keys] == [list(entry) for entry in entries]
    assert [["1.1.1.3"], ["fd00::3"]] == [entry["ips"] for entry in entries]
    assert [["1.1.1.1", "fd00::1"]] * 2 == [entry["gateway"] for entry in entries]
    assert (
        '    "dns": {},\n    "device-info": {\n        "type": "pci",\n        "version": "1.1.0",\n        "pci": {\n'
        '            "pci-address": "0000:3b:02.0",\n            "vhost-net": "/dev/vhost-net"\n        }\n    },\n'
        '    "gateway": [\n'
    ) in network_status.text(entries)


@pytest.mark.parametrize(("body", "default", "expected"), GOLDEN.values(), ids=GOLDEN)
def test_entries(body: dict[str, Any], default: bool, expected: list[dict[str, Any]]) -> None:  # noqa: FBT001  # a table's column
    """With their keys in Multus' order."""
    entries = _entries({"cniVersion": "1.1.0", **body}, default=default)

    assert expected == entries
    assert [list(entry) for entry in expected] == [list(entry) for entry in entries]


def test_characters_are_escaped_as_go_escapes_them() -> None:
    """Go's encoder escapes <, > and &, and nothing else."""
    assert '[{\n    "name": "a\\u003cb\\u0026é"\n}]' == network_status.text([{"name": "a<b&é"}])
