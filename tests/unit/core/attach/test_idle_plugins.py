"""Which plugins have nothing to do in a call. tests/node/test_idle_plugins.py compares the same decision with their programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.attach import idle_plugins
from netattach_core.attach.idle_plugins import Work
from netattach_core.cni import config as cni_config

PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
BANDWIDTH = {"type": "bandwidth", "capabilities": {"bandwidth": True}}
MAPPINGS = {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "tcp"}]}
LIMITS = {"bandwidth": {"ingressRate": 1000, "ingressBurst": 1000}}


def _is_idle(plugin: str | dict[str, Any], offered: dict[str, Any], version: str = "1.0.0") -> bool:
    text = plugin if isinstance(plugin, str) else json.dumps(plugin)
    config = f'{{"cniVersion":"{version}","name":"n","plugins":[{{"type":"bridge"}},{text}]}}'
    return idle_plugins.is_idle(cni_config.parse(config), 1, offered)


@pytest.mark.parametrize(
    ("plugin", "offered"),
    [
        (PORTMAP, {}),
        (PORTMAP, {"portMappings": None}),
        (PORTMAP, {"portMappings": []}),
        (PORTMAP, LIMITS),
        ({"type": "portmap"}, MAPPINGS),
        ({**PORTMAP, "capabilities": {"portMappings": False}}, MAPPINGS),
        ({**PORTMAP, "snat": True, "masqAll": False, "markMasqBit": 31, "backend": "nftables"}, {}),
        ('{"type":"portmap","runtimeConfig":{"portMappings":[{"hostPort":1}]},"prevResult":5}', {}),
        (BANDWIDTH, {}),
        (BANDWIDTH, {"bandwidth": None}),
        (BANDWIDTH, {"bandwidth": {}}),
        (BANDWIDTH, MAPPINGS),
    ],
    ids=str,
)
def test_without_work_it_is_idle(plugin: str | dict[str, Any], offered: dict[str, Any]) -> None:
    """What a plugin does not declare it does not get, and the author cannot write the runtime's keys."""
    assert _is_idle(plugin, offered)


@pytest.mark.parametrize(
    ("plugin", "offered"),
    [
        (PORTMAP, MAPPINGS),
        (PORTMAP, {"portMappings": {}}),
        (PORTMAP, {"portMappings": [{}]}),
        (BANDWIDTH, LIMITS),
        (BANDWIDTH, {"bandwidth": []}),
        (BANDWIDTH, {"bandwidth": {"ingressRate": 0}}),
        ({**BANDWIDTH, "ingressRate": 0}, {}),
        ({**BANDWIDTH, "EgressRate": 5, "egressBurst": 5}, {}),
    ],
    ids=str,
)
def test_with_work_it_is_not_idle(plugin: dict[str, Any], offered: dict[str, Any]) -> None:
    """Neither with a value that the plugin refuses."""
    assert not _is_idle(plugin, offered)


@pytest.mark.parametrize(
    "plugin",
    [
        {**PORTMAP, "snat": "true"},
        {**PORTMAP, "snat": None},
        {**PORTMAP, "SNAT": True},
        {**PORTMAP, "markMasqBit": 32},
        {**PORTMAP, "markMasqBit": True},
        {**PORTMAP, "backend": "ebtables"},
        {**PORTMAP, "backend": ["iptables"]},
        {**PORTMAP, "externalSetMarkChain": "KUBE-MARK-MASQ"},
        {**PORTMAP, "conditionsV4": ["-d", "10.0.0.0/8"]},
        {**PORTMAP, "ipam": {"type": 5}},
        {**PORTMAP, "dns": []},
        {**PORTMAP, "unknown": 1},
        {**PORTMAP, "capabilities": {"PortMappings": True}},
        {**PORTMAP, "capabilities": {"portMapping\u017f": True, "portMappings": True}},
        '{"type":"portmap","snat":"x","snat":true}',
        '{"type":"bandwidth","type":"bandwidth"}',
        '{"type":"portmap"' + 1010 * " " + "}",
        {"type": "firewall"},
        {"type": "tuning"},
        {"type": "sbr"},
    ],
    ids=str,
)
def test_what_the_program_may_refuse_or_read_differently_is_not_idle(plugin: str | dict[str, Any]) -> None:
    """Go ignores case, and the last of two equal keys counts."""
    assert not _is_idle(plugin, {})


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_without_a_previous_result_nothing_is_idle(version: str) -> None:
    """The first plugin of a chain has none, and before cniVersion 0.3.0 none has."""
    first = '{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"portmap"}]}'

    assert not _is_idle(PORTMAP, {}, version)
    assert not idle_plugins.is_idle(cni_config.parse(first), 0, {})


def test_the_only_input_of_a_plugin() -> None:
    """It is compiled for the shim."""
    text = json.dumps({"cniVersion": "1.0.0", "name": "n", "plugins": [BANDWIDTH, PORTMAP, BANDWIDTH]})
    config = cni_config.parse(text)

    assert [None, Work("portMappings", "[]"), Work("bandwidth", "{}")] == [
        idle_plugins.work_of(config, index) for index in range(3)
    ]
