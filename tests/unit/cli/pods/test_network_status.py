"""The annotation network-status, as netattach writes it and as anybody may."""

from __future__ import annotations

import json

import pytest

from netattach_cli.pods import network_status
from netattach_cli.pods.network_status import Attached, NetworkStatus

ENTRY = {
    "name": "default/lan",
    "interface": "net1",
    "ips": ["10.0.0.2", "fd00::2"],
    "mac": "02:00:00:00:00:01",
    "dns": {},
}


def test_entries_are_read() -> None:
    text = json.dumps([{"name": "cbr0", "interface": "eth0", "default": True}, ENTRY])

    expected = (
        Attached("cbr0", "eth0", default=True),
        Attached("default/lan", "net1", ("10.0.0.2", "fd00::2"), "02:00:00:00:00:01"),
    )
    assert NetworkStatus(expected) == network_status.parse(text)


@pytest.mark.parametrize("text", ["", "  \n", "[]", '[7, null, [], "x"]'])
def test_nothing_is_attached(text: str) -> None:
    assert NetworkStatus() == network_status.parse(text)


def test_fields_of_another_type_are_empty() -> None:
    text = json.dumps([{"name": 7, "interface": [], "ips": "10.0.0.2", "mac": {}, "default": "true"}])

    assert NetworkStatus((Attached(""),)) == network_status.parse(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "network-status is not JSON"),
        ("[" * 200_000, "network-status is not JSON"),
        ('{"a": 1}', "network-status is no list"),
        ("[{}," * 500 + "{}]", "network-status is not JSON"),
        (json.dumps([{}] * 401), "network-status has 401 networks"),
        (json.dumps([ENTRY, "x" * 262_144]), "network-status has 262265 characters"),
        ("9" * 10_000, "network-status is not JSON"),
    ],
    ids=["cut off", "nested deeply", "an object", "garbage", "many", "long", "a huge number"],
)
def test_what_cannot_be_read_is_a_problem(text: str, problem: str) -> None:
    assert NetworkStatus(problem=problem) == network_status.parse(text)
