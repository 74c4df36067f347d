"""network-status, byte for byte as Multus writes it (multus section 1.5 and 1.10, npwg-spec section 4.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import cni_result, network_status

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
    "an interface without a sandbox (Calico)": (
        {"interfaces": [{"name": "cali0"}], "ips": TWO_IPS},
        True,
        [{"name": "n", "ips": ["1.1.1.3", "2.2.2.3"], "default": True, "dns": {}}],
    ),
    "no interface at all: the name that was asked for": (
        {"ips": TWO_IPS},
        True,
        [{"name": "n", "interface": "net1", "ips": ["1.1.1.3", "2.2.2.3"], "default": True, "dns": {}}],
    ),
}


@pytest.mark.parametrize(("body", "default", "expected"), GOLDEN.values(), ids=GOLDEN)
def test_entries(body: dict[str, Any], default: bool, expected: list[dict[str, Any]]) -> None:  # noqa: FBT001  # a table's column
    """Each result gives its entries, with their keys in Multus' order."""
    entries = _entries({"cniVersion": "1.1.0", **body}, default=default)

    assert expected == entries
    assert [list(entry) for entry in expected] == [list(entry) for entry in entries]


def test_characters_are_escaped_as_go_escapes_them() -> None:
    """Go's encoder writes <, > and & as escapes, and other text as it is."""
    assert '[{\n    "name": "a\\u003cb\\u0026é"\n}]' == network_status.text([{"name": "a<b&é"}])
