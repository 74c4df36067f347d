"""Configs of vlan that its driver understands, and those that are for the program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.native.recipe import Vlan
from support.recipes import link, recipe

IPAM = {"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
CONFIG = {"cniVersion": "1.0.0", "name": "n", "type": "vlan", "master": "eth1", "vlanId": 5, "ipam": IPAM}


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, Vlan("eth1", 5, 0)),
        ({"vlanId": 0}, Vlan("eth1", 0, 0)),
        ({"vlanId": 4094, "mtu": 1400}, Vlan("eth1", 4094, 1400)),
        ({"linkInContainer": False, "dns": {"domain": "x"}}, Vlan("eth1", 5)),
    ],
)
def test_the_keys_of_the_plugin_are_understood(more: dict[str, Any], wanted: Vlan) -> None:
    assert wanted == link(json.dumps(CONFIG | more))


@pytest.mark.parametrize(
    "more",
    [
        {"vlan": 5},
        {"vlanID": 5},
        {"vlanid": 5},
        {"vlanId": -1},
        {"vlanId": 4095},
        {"vlanId": "5"},
        {"vlanId": 5.5},
        {"vlanId": None},
        {"vlanId": True},
        {"mac": "02:00:00:00:00:07"},
        {"Master": "eth2"},
        {"master": ""},
        {"master": None},
        {"master": "a b"},
        {"mtu": -1},
        {"mtu": "1500"},
        {"linkInContainer": True},
        {"linkInContainer": "no"},
        {"ipam": {}},
        {"ipam": None},
        {"ipam": {"type": "whereabouts"}},
    ],
)
def test_everything_else_is_for_the_program(more: dict[str, Any]) -> None:
    assert recipe(json.dumps(CONFIG | more)) is None


@pytest.mark.parametrize("absent", ["master", "ipam"])
def test_what_the_program_refuses_is_for_the_program(absent: str) -> None:
    assert recipe(json.dumps({key: value for key, value in CONFIG.items() if key != absent})) is None


def test_without_an_id_it_is_vlan_0() -> None:
    assert Vlan("eth1", 0) == link(
        json.dumps({key: value for key, value in CONFIG.items() if key != "vlanId"})
    )


def test_a_repeated_key_is_for_the_program() -> None:
    assert recipe(json.dumps(CONFIG)[:-1] + ',"vlanId":6}') is None
