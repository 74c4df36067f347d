"""Configs of macvlan that its driver understands, and those that are for the program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.cni import config as cni_config
from netattach_core.native import drivers
from netattach_core.native.recipe import Macvlan
from support.recipes import link, recipe

CONFIG = {"cniVersion": "1.0.0", "name": "n", "type": "macvlan", "master": "eth1"}
MAC = "02:00:00:00:00:07"


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, Macvlan("eth1")),
        ({"mode": ""}, Macvlan("eth1")),
        ({"mode": "vepa", "mtu": 1400, "bcqueuelen": 9}, Macvlan("eth1", "vepa", 1400, queue=9)),
        ({"mac": MAC, "linkInContainer": False, "ipam": {}}, Macvlan("eth1", mac=MAC)),
        ({"mac": "", "args": {"cni": {"x": 1}}, "capabilities": {"ips": True}}, Macvlan("eth1")),
    ],
)
def test_the_keys_of_the_plugin_are_understood(more: dict[str, Any], wanted: Macvlan) -> None:
    assert wanted == link(json.dumps(CONFIG | more))


@pytest.mark.parametrize(
    "more",
    [
        {"flavour": "x"},
        {"Mode": "vepa"},
        {"MASTER": "eth2"},
        {"master": ""},
        {"master": None},
        {"master": "eth1/../x"},
        {"mode": "Bridge"},
        {"mode": None},
        {"mtu": -1},
        {"mtu": "1500"},
        {"mtu": 1500.5},
        {"mtu": True},
        {"mtu": 2**40},
        {"mac": "x"},
        {"mac": "02:00:00:00:00:00:00:01"},
        {"linkInContainer": True},
        {"linkInContainer": 0},
        {"bcqueuelen": -1},
        {"ipam": None},
        {"ipam": []},
        {"ipam": {"type": "dhcp"}},
        {"ipam": {"type": "host-local"}},
        {"IPAM": {"type": "static"}},
        {"dns": {"servers": []}},
        {"dns": {"nameservers": "10.0.0.1"}},
        {"cniVersion": "0.2.0"},
        {"padding": "x" * 5000},
    ],
)
def test_everything_else_is_for_the_program(more: dict[str, Any]) -> None:
    """Go ignores an unknown key, folds the case of others, and converts what Python would not."""
    assert recipe(json.dumps(CONFIG | more)) is None


def test_a_repeated_key_is_for_the_program() -> None:
    """Go takes the last one, and both if it is an object."""
    text = json.dumps(CONFIG)
    assert recipe(text[:-1] + ',"mtu":1,"mtu":2}') is None
    assert recipe(text[:-1] + ',"dns":{"domain":"a","domain":"b"}}') is None


def test_a_request_for_a_mac_goes_before_that_of_the_config() -> None:
    """As a capability, and before it CNI_ARGS (`loadConf`)."""
    declared = CONFIG | {"mac": "02:00:00:00:00:01", "capabilities": {"mac": True}}
    args = {"IgnoreUnknown": "1", "MAC": "02:00:00:00:00:02"}

    assert "02:00:00:00:00:02" == link(json.dumps(declared), args=args).mac
    assert MAC == link(json.dumps(declared), args=args, runtime_config={"mac": MAC}).mac
    assert "02:00:00:00:00:02" == link(json.dumps(CONFIG), args=args, runtime_config={"mac": MAC}).mac


@pytest.mark.parametrize(
    "args",
    [
        {"MAC": "x"},
        {"K8S_POD_NAME": "a;b"},
        {"K8S_POD_NAME": "a=b"},
        {"CommonArgs": "1"},
    ],
)
def test_arguments_that_the_program_refuses_are_for_the_program(args: dict[str, str]) -> None:
    assert recipe(json.dumps(CONFIG), args=args) is None


@pytest.mark.parametrize("runtime_config", [{"mac": "x"}, {"mac": None}, {"mac": 5}])
def test_values_that_the_program_refuses_are_for_the_program(runtime_config: dict[str, Any]) -> None:
    assert recipe(json.dumps(CONFIG | {"capabilities": {"mac": True}}), runtime_config=runtime_config) is None


def test_a_capability_that_no_driver_knows_is_for_the_program() -> None:
    declared = json.dumps(CONFIG | {"capabilities": {"bandwidth": True}})

    assert link(declared) is not None
    assert recipe(declared, runtime_config={"bandwidth": {"ingressRate": 1}}) is None


def test_dns_is_that_of_the_config_without_empty_values() -> None:
    found = recipe(json.dumps(CONFIG | {"dns": {"search": ["a"], "options": [], "domain": ""}}))

    assert found is not None
    assert {"search": ["a"]} == found.dns


def test_a_plugin_without_a_driver_or_later_in_a_chain_is_for_its_program() -> None:
    chain = {"cniVersion": "1.0.0", "name": "n", "plugins": [CONFIG, CONFIG, {"type": "tuning"}]}
    network = cni_config.parse(json.dumps(chain), "n")
    given: dict[str, Any] = {"args": {}, "runtime_config": {}, "cni_args": {}}

    assert [True, False, False] == [drivers.recipe(network, n, **given) is not None for n in range(3)]
