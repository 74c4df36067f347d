"""Configs of dummy that its driver understands, and those that are for the program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.cni.result import Interface
from netattach_core.native import result
from netattach_core.native.addressing import Addressing
from netattach_core.native.recipe import Dummy
from support.recipes import link, recipe

IPAM: dict[str, Any] = {"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
CONFIG = {"cniVersion": "1.0.0", "name": "n", "type": "dummy", "ipam": IPAM}


@pytest.mark.parametrize("more", [{}, {"dns": {}}, {"args": {"cni": {"x": 1}}}])
def test_a_config_with_an_ipam_is_understood(more: dict[str, Any]) -> None:
    assert Dummy() == link(json.dumps(CONFIG | more))


@pytest.mark.parametrize(
    "more",
    [
        {"mtu": 1400},
        {"master": "eth1"},
        {"dns": {"domain": "x"}},
        {"dns": None},
        {"ipam": {}},
        {"ipam": None},
        {"ipam": {"type": "dhcp"}},
        {"Ipam": IPAM},
    ],
)
def test_everything_else_is_for_the_program(more: dict[str, Any]) -> None:
    assert recipe(json.dumps(CONFIG | more)) is None


def test_without_an_ipam_it_is_for_the_program() -> None:
    """Which refuses it."""
    assert recipe(json.dumps({key: value for key, value in CONFIG.items() if key != "ipam"})) is None


def test_a_repeated_key_is_for_the_program() -> None:
    assert recipe(json.dumps(CONFIG)[:-1] + f',"ipam":{json.dumps(IPAM)}}}') is None


def test_the_result_has_the_dns_of_the_ipam() -> None:
    found = recipe(json.dumps(CONFIG | {"ipam": IPAM | {"dns": {"domain": "x"}}}))
    assert found is not None
    addressing = getattr(found.ipam, "addressing", Addressing())
    text = result.text(found, "1.0.0", (Interface("net1", sandbox="/n"),), addressing)

    assert {"domain": "x"} == json.loads(text)["dns"]
