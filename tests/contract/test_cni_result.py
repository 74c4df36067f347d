"""Results of every CNI version and their conversion; the vectors are outputs of CNI's Go code (`pkg/types`)."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.cni import result as cni_result
from netattach_core.cni import versions
from netattach_core.errors import DecodeError, NetattachError, VersionError

K1 = {
    "cniVersion": "1.1.0",
    "interfaces": [
        {"name": "net1", "mac": "aa:bb:cc:dd:ee:ff", "mtu": 1500, "sandbox": "/var/run/netns/x", "socketPath": "/s",
         "pciID": "0000:00:01.2"},
    ],
    "ips": [
        {"address": "10.1.2.3/24", "gateway": "10.1.2.1", "interface": 0},
        {"address": "fd00::3/64", "interface": 0},
        {"address": "10.9.9.9/32", "interface": 0},
    ],
    "routes": [
        {"dst": "0.0.0.0/0", "gw": "10.1.2.1", "mtu": 1400, "advmss": 1360, "priority": 100, "table": 200, "scope": 253},
        {"dst": "::/0"},
    ],
    "dns": {"nameservers": ["10.1.2.1"]},
}  # fmt: skip  # a vector
K2 = {"cniVersion": "1.1.0", "interfaces": [{"name": "net1"}]}
K3 = {
    "cniVersion": "0.2.0",
    "ip4": {"ip": "10.1.2.3/24", "gateway": "10.1.2.1", "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.2.1"}]},
    "ip6": {"ip": "fd00::3/64", "routes": [{"dst": "::/0"}]},
}
K1_020 = {
    "ip4": {"ip": "10.1.2.3/24", "gateway": "10.1.2.1", "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.2.1"}]},
    "ip6": {"ip": "fd00::3/64", "routes": [{"dst": "::/0"}]},
    "dns": {"nameservers": ["10.1.2.1"]},
}
K1_040 = {
    "cniVersion": "0.4.0",
    "interfaces": [{"name": "net1", "mac": "aa:bb:cc:dd:ee:ff", "sandbox": "/var/run/netns/x"}],
    "ips": [
        {"version": "4", "interface": 0, "address": "10.1.2.3/24", "gateway": "10.1.2.1"},
        {"version": "6", "interface": 0, "address": "fd00::3/64"},
        {"version": "4", "interface": 0, "address": "10.9.9.9/32"},
    ],
    "routes": K1["routes"],
    "dns": {"nameservers": ["10.1.2.1"]},
}
VECTORS: dict[str, tuple[Any, str, Any]] = {
    "K1 to 1.0.0, the same format": (K1, "1.0.0", {**K1, "cniVersion": "1.0.0"}),
    "K1 to 0.4.0 adds the IP versions": (K1, "0.4.0", K1_040),
    "K1 to 0.2.0 keeps one address per family": (K1, "0.2.0", {"cniVersion": "0.2.0", **K1_020}),
    "K1 to 0.1.0": (K1, "0.1.0", {"cniVersion": "0.1.0", **K1_020}),
    "K2 to 0.4.0 has an empty dns": (
        K2, "0.4.0", {"cniVersion": "0.4.0", "interfaces": [{"name": "net1"}], "dns": {}}),
    "K3 from 0.2.0: IPv4 first": (
        K3,
        "1.1.0",
        {
            "cniVersion": "1.1.0",
            "ips": [{"address": "10.1.2.3/24", "gateway": "10.1.2.1"}, {"address": "fd00::3/64"}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.2.1"}, {"dst": "::/0"}],
        },
    ),
    "K4 without a version is 0.1.0": (
        {"ip4": {"ip": "10.1.2.3/24"}}, "0.2.0", {"cniVersion": "0.2.0", "ip4": {"ip": "10.1.2.3/24"}, "dns": {}}),
    "K5 relies on the family in the result": (
        {"cniVersion": "0.4.0", "ips": [{"version": "6", "address": "10.1.2.3/24"}]},
        "0.2.0",
        {"cniVersion": "0.2.0", "ip6": {"ip": "10.1.2.3/24"}, "dns": {}},
    ),
    "K6 without a family to 1.0.0": (
        {"cniVersion": "0.4.0", "ips": [{"address": "10.1.2.3/24"}]},
        "1.0.0",
        {"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}]},
    ),
    "K7 empty": ({"cniVersion": "0.4.0"}, "1.1.0", {"cniVersion": "1.1.0"}),
    "K10 an IPv4-mapped address": (
        {"cniVersion": "1.1.0", "ips": [{"address": "::ffff:10.1.2.3/120"}]},
        "0.4.0",
        {"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.1.2.3/24"}], "dns": {}},
    ),
    "K13 an empty gateway": (
        {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24", "gateway": ""}]},
        "1.1.0",
        {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]},
    ),
    "K16 keeps host bits, and a route without dst": (
        {"cniVersion": "1.1.0", "routes": [{"dst": "10.1.2.3/24"}, {"gw": "1.2.3.4"}]},
        "1.1.0",
        {"cniVersion": "1.1.0", "routes": [{"dst": "10.1.2.3/24"}, {"gw": "1.2.3.4"}]},
    ),
    "K18 canonical IPv6": (
        {"cniVersion": "1.1.0", "ips": [{"address": "FD00:0::0003/64"}]},
        "1.1.0",
        {"cniVersion": "1.1.0", "ips": [{"address": "fd00::3/64"}]},
    ),
    "K19 a route of a family without an address": (
        {"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.1.2.3/24"}], "routes": [{"dst": "::/0"}]},
        "0.2.0",
        {"cniVersion": "0.2.0", "ip4": {"ip": "10.1.2.3/24"}, "dns": {}},
    ),
    "K20 0.2.0 without an address": ({"cniVersion": "0.2.0"}, "0.4.0", {"cniVersion": "0.4.0", "dns": {}}),
    "invalid indices and null elements are dropped": (
        {"cniVersion": "1.0.0", "interfaces": [None, {"name": "a"}], "ips": [{"address": "10.0.0.1/8", "interface": 5}, None]},
        "1.0.0",
        {"cniVersion": "1.0.0", "interfaces": [{"name": "a"}], "ips": [{"address": "10.0.0.1/8"}]},
    ),
}  # fmt: skip  # as above
FAILING = {
    "K2 without an address cannot be 0.2.0": (K2, "0.2.0", VersionError),
    "K6 without a family cannot be 0.2.0": (
        {"cniVersion": "0.4.0", "ips": [{"address": "10.1.2.3/24"}]}, "0.2.0", VersionError),
    "K7 empty cannot be 0.2.0": ({"cniVersion": "0.4.0"}, "0.2.0", VersionError),
    "K11 an address without a prefix": ({"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3"}]}, "1.0.0", DecodeError),
    "K12 leading zeros": ({"cniVersion": "1.0.0", "ips": [{"address": "10.01.2.3/24"}]}, "1.0.0", DecodeError),
    "K24 an index that is a string": (
        {"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24", "interface": "0"}]}, "1.0.0", DecodeError),
    "an unsupported version": ({"cniVersion": "1.2.0"}, "1.0.0", VersionError),
}  # fmt: skip  # as above


@pytest.mark.parametrize(("body", "version", "expected"), VECTORS.values(), ids=VECTORS)
def test_conversion(body: Any, version: str, expected: Any) -> None:
    """Each vector has the same outcome as in Go."""
    assert expected == json.loads(cni_result.dump(cni_result.parse(json.dumps(body), ""), version))


@pytest.mark.parametrize(("body", "version", "error"), FAILING.values(), ids=FAILING)
def test_what_cannot_be_converted(body: Any, version: str, error: type[NetattachError]) -> None:
    """A result that a version cannot represent is an error, never an incomplete result."""
    with pytest.raises(error):
        cni_result.dump(cni_result.parse(json.dumps(body), ""), version)


def test_k17_the_last_of_keys_that_differ_only_in_case_counts() -> None:
    """As in Go."""
    read = cni_result.parse('{"cniVersion":"1.0.0","ips":[{"address":"10.1.2.3/24"}],"IPS":[]}', "")

    assert () == read.addresses


def test_null_is_an_empty_result_of_the_configs_version() -> None:
    """A plugin may print null; libcni accepts it."""
    assert cni_result.Result("0.3.1") == cni_result.parse("null", "0.3.1")


@pytest.mark.parametrize("version", versions.SUPPORTED)
def test_a_result_survives_dump_and_parse(version: str) -> None:
    once = cni_result.dump(cni_result.parse(json.dumps(K1), ""), version)

    assert once == cni_result.dump(cni_result.parse(once, ""), version)


@given(st.text())
def test_any_output_of_a_plugin_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(NetattachError):
        cni_result.parse(text, "1.0.0")
