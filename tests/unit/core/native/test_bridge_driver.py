"""Which configs of bridge its driver understands: all others are for the plugin's program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.cni import config as cni_config
from netattach_core.native import drivers
from netattach_core.native.recipe import Bridge, Recipe, Tuning

BRIDGE = {"cniVersion": "1.0.0", "name": "lab", "type": "bridge"}


def recipe(text: str, **more: Any) -> Recipe | None:
    network = cni_config.parse(text, "lab")
    rest: dict[str, Any] = {"args": {}, "runtime_config": {}, "cni_args": {}, **more}
    found = drivers.recipe(network, 0, **rest)
    assert not isinstance(found, Tuning)
    return found


def link(config: dict[str, Any], **more: Any) -> object:
    found = recipe(json.dumps({**BRIDGE, **config}), **more)
    return found and found.link


def test_without_keys_it_is_a_port_of_cni0() -> None:
    assert Bridge("cni0") == link({})


def test_each_key_has_its_place() -> None:
    config = {
        "bridge": "br0",
        "isGateway": True,
        "forceAddress": True,
        "ipMasq": False,
        "mtu": 1400,
        "hairpinMode": True,
        "promiscMode": False,
        "vlan": 100,
        "preserveDefaultVlan": True,
        "macspoofchk": False,
        "enabledad": True,
        "portIsolation": True,
    }
    assert link(config) == Bridge(
        "br0",
        mtu=1400,
        hairpin=True,
        isolated=True,
        vlan=100,
        filters_vlans=True,
        keeps_default_vlan=True,
        gateway=True,
        force_address=True,
        detects_duplicates=True,
    )


def test_a_default_gateway_is_a_gateway() -> None:
    assert Bridge(gateway=True, default_gateway=True) == link({"isDefaultGateway": True})


def test_vlans_of_a_trunk_become_ranges_in_order() -> None:
    trunk = [{"id": 20}, {"minID": 7, "maxID": 9, "id": 30}, {}, {"minID": 5, "maxID": 8}, {"id": 10}]

    assert Bridge(trunk=((5, 10), (20, 20), (30, 30)), filters_vlans=True) == link({"vlanTrunk": trunk})


def test_an_empty_trunk_makes_the_bridge_filter_vlans() -> None:
    assert Bridge(filters_vlans=True) == link({"vlanTrunk": []})


def test_the_runtime_s_mac_is_preferred_to_that_of_cni_args() -> None:
    of_args = {"args": {"MAC": "02:00:00:00:00:01"}}
    of_runtime = {"runtime_config": {"mac": "02:00:00:00:00:02"}}
    capable = {"capabilities": {"mac": True}}

    assert Bridge(mac="02:00:00:00:00:01") == link(capable, **of_args)
    assert Bridge(mac="02:00:00:00:00:02") == link(capable, **of_args, **of_runtime)


def test_an_empty_mac_of_the_runtime_is_none() -> None:
    more = {"args": {"MAC": "02:00:00:00:00:01"}, "runtime_config": {"mac": ""}}

    assert Bridge(mac="02:00:00:00:00:01") == link({"capabilities": {"mac": True}}, **more)


@pytest.mark.parametrize(
    "config",
    [
        {"ipMasq": True},
        {"macspoofchk": True},
        {"ipMasqBackend": "nftables"},
        {"hairpinMode": True, "promiscMode": True},
        {"bridge": ""},
        {"bridge": "a/b"},
        {"bridge": "longer-than-15-bytes"},
        {"bridge": None},
        {"bridge": 5},
        {"Bridge": "br0"},
        {"unknown": 1},
        {"isGateway": "true"},
        {"isGateway": 1},
        {"mtu": -1},
        {"mtu": 1500.5},
        {"mtu": True},
        {"vlan": 4095},
        {"vlan": -1},
        {"vlanTrunk": None},
        {"vlanTrunk": {}},
        {"vlanTrunk": [None]},
        {"vlanTrunk": [{"id": 0}]},
        {"vlanTrunk": [{"id": 4095}]},
        {"vlanTrunk": [{"minID": 5}]},
        {"vlanTrunk": [{"maxID": 5}]},
        {"vlanTrunk": [{"minID": 6, "maxID": 5}]},
        {"vlanTrunk": [{"minid": 5, "maxID": 6}]},
        {"bridge": "bridge-of-15byt", "vlan": 100, "isGateway": True},
        {"args": {"cni": {"mac": "02:00:00:00:00:01"}}},
        {"args": {"CNI": {"MAC": "02:00:00:00:00:01"}}},
        {"args": {"cni": {"Mac": "02:00:00:00:00:01"}}},
        {"args": None},
        {"dns": {"nameservers": []}},
        {
            "disableContainerInterface": True,
            "ipam": {"type": "static", "addresses": [{"address": "10.0.0.2/24"}]},
        },
        {"cniVersion": "0.2.0"},
    ],
    ids=json.dumps,
)
def test_what_is_not_understood_is_for_the_program(config: dict[str, Any]) -> None:
    assert link(config) is None


def test_a_repeated_key_is_for_the_program() -> None:
    assert (
        recipe('{"cniVersion": "1.0.0", "name": "lab", "type": "bridge", "mtu": 1400, "mtu": 1500}') is None
    )


def test_a_mac_of_another_length_is_for_the_program() -> None:
    assert link({}, args={"MAC": "02:00:00:00:00:00:00:01"}) is None


@pytest.mark.parametrize(
    "address",
    [
        {"address": "10.0.0.2/24", "gateway": "fd00::1"},
        {"address": "255.255.255.255/32"},
        {"address": "::1:2/128"},
        {"address": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
    ],
    ids=str,
)
def test_a_gateway_that_is_in_doubt_is_for_the_program(address: dict[str, str]) -> None:
    ipam = {"type": "static", "addresses": [address]}

    assert link({"isGateway": True, "ipam": ipam}) is None
    assert link({"ipam": ipam}) == Bridge()


def test_a_range_s_gateway_of_the_other_family_is_for_the_program() -> None:
    ipam = {"type": "host-local", "ranges": [[{"subnet": "10.0.0.0/24", "gateway": "fd00::1"}]]}

    assert link({"isGateway": True, "ipam": ipam}) is None
