"""Which configs of ptp its driver understands: all others are for the plugin's program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.cni import config as cni_config
from netattach_core.native import drivers
from netattach_core.native.recipe import Ptp, Tuning

IPAM = {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24"}]]}


def link(config: dict[str, Any]) -> object:
    text = json.dumps({"cniVersion": "1.0.0", "name": "lab", "type": "ptp", "ipam": IPAM, **config})
    found = drivers.recipe(
        cni_config.parse(text, "lab"),
        0,
        args={"MAC": "02:00:00:00:00:01"},
        runtime_config={},
        cni_args={},
    )
    assert not isinstance(found, Tuning)
    return found and found.link


def test_each_key_has_its_place_and_a_requested_mac_has_no_effect() -> None:
    assert Ptp() == link({})
    assert Ptp(mtu=1400) == link({"mtu": 1400, "ipMasq": False})


@pytest.mark.parametrize(
    "config",
    [
        {"ipMasq": True},
        {"ipMasqBackend": "iptables"},
        {"ipMasq": "false"},
        {"mtu": -1},
        {"MTU": 1400},
        {"mtu": None},
        {"unknown": 1},
        {"ipam": {}},
        {"dns": {"search": []}},
        {"ipam": {"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}},
        {"ipam": {"type": "static", "addresses": [{"address": "10.1.2.3/24", "gateway": "fd00::1"}]}},
        {"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.1.2.0/24", "gateway": "fd00::1"}]]}},
    ],
    ids=json.dumps,
)
def test_what_is_not_understood_is_for_the_program(config: dict[str, Any]) -> None:
    """Without a gateway the program says what is wrong."""
    assert link(config) is None
