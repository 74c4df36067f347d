"""Configs of ipvlan that its driver understands, and those that are for the program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.native.recipe import Ipvlan
from support.recipes import link, recipe

IPAM = {"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
CONFIG = {"cniVersion": "1.0.0", "name": "n", "type": "ipvlan", "master": "eth1", "ipam": IPAM}


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, Ipvlan("eth1", "l2", 0)),
        ({"mode": ""}, Ipvlan("eth1", "l2", 0)),
        ({"mode": "l3", "mtu": 1400}, Ipvlan("eth1", "l3", 1400)),
        ({"mode": "l3s", "linkInContainer": False}, Ipvlan("eth1", "l3s")),
    ],
)
def test_the_keys_of_the_plugin_are_understood(more: dict[str, Any], wanted: Ipvlan) -> None:
    assert wanted == link(json.dumps(CONFIG | more))


@pytest.mark.parametrize(
    "more",
    [
        {"mac": "02:00:00:00:00:07"},
        {"Mode": "l3"},
        {"MASTER": "eth2"},
        {"master": ""},
        {"master": None},
        {"master": "eth1/../x"},
        {"mode": "L3"},
        {"mode": "bridge"},
        {"mode": None},
        {"mtu": -1},
        {"mtu": "1500"},
        {"mtu": 2**40},
        {"linkInContainer": True},
        {"linkInContainer": 0},
        {"ipam": None},
        {"ipam": {"type": "dhcp"}},
        {"IPAM": IPAM},
    ],
)
def test_everything_else_is_for_the_program(more: dict[str, Any]) -> None:
    assert recipe(json.dumps(CONFIG | more)) is None


@pytest.mark.parametrize("absent", ["master", "ipam"])
def test_without_a_master_or_addresses_it_is_for_the_program(absent: str) -> None:
    """Which then takes those of the default route, and of the previous result."""
    assert recipe(json.dumps({key: value for key, value in CONFIG.items() if key != absent})) is None
    assert recipe(json.dumps(CONFIG | {absent: {} if absent == "ipam" else ""})) is None


def test_a_repeated_key_is_for_the_program() -> None:
    assert recipe(json.dumps(CONFIG)[:-1] + ',"mode":"l2","mode":"l3"}') is None


def test_a_request_for_a_mac_has_no_effect() -> None:
    """All of its interfaces have the master's."""
    declared = json.dumps(CONFIG | {"capabilities": {"mac": True}})
    requested = {"mac": "02:00:00:00:00:07"}

    assert Ipvlan("eth1") == link(declared, args={"IgnoreUnknown": "1", "MAC": "02:00:00:00:00:08"})
    assert Ipvlan("eth1") == link(declared, runtime_config=requested)
