"""Configs of host-device that its driver understands, and those that are for the program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.native.recipe import HostDevice
from support.recipes import link, recipe

IPAM = {"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
CONFIG = {"cniVersion": "1.0.0", "name": "n", "type": "host-device", "device": "eth1"}


@pytest.mark.parametrize("more", [{}, {"dns": {}}, {"ipam": {}}, {"ipam": IPAM, "dns": {"domain": "x"}}])
def test_a_device_by_its_name_is_understood(more: dict[str, Any]) -> None:
    assert HostDevice("eth1") == link(json.dumps(CONFIG | more))


@pytest.mark.parametrize(
    "more",
    [
        {"device": ""},
        {"device": None},
        {"device": 1},
        {"device": "a/b"},
        {"Device": "eth2"},
        {"hwaddr": "02:00:00:00:00:07"},
        {"kernelpath": "/sys/devices/x"},
        {"pciBusID": "0000:00:1f.6"},
        {"DPDKMode": True},
        {"dpdkmode": True},
        {"dns": {"domain": "x"}},
        {"ipam": None},
        {"ipam": {"type": "dhcp"}},
    ],
)
def test_everything_else_is_for_the_program(more: dict[str, Any]) -> None:
    assert recipe(json.dumps(CONFIG | more)) is None


def test_a_repeated_key_is_for_the_program() -> None:
    assert recipe(json.dumps(CONFIG)[:-1] + ',"device":"eth2"}') is None


def test_a_device_of_a_device_plugin_is_for_the_program() -> None:
    declared = json.dumps(CONFIG | {"capabilities": {"deviceID": True}})

    assert recipe(declared, runtime_config={"deviceID": "0000:00:1f.6"}) is None


def test_without_a_device_it_is_for_the_program() -> None:
    assert recipe(json.dumps({key: value for key, value in CONFIG.items() if key != "device"})) is None
