"""The reference plugins, and the weight of what they refuse or pass over in silence; what is right is passed over as well."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import Weighed, assert_weighed, bridge, conf, macvlan

DENY, WARN = Severity.DENY, Severity.WARN


def after_bridge(kind: str, **keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "plugins": [bridge(), {"type": kind, **keys}]}


def static(*entries: dict[str, str]) -> dict[str, Any]:
    return macvlan(ipam={"type": "static", "addresses": list(entries)})


def addressed(*texts: str) -> dict[str, Any]:
    return static(*({"address": text} for text in texts))


CASES: list[Weighed] = [
    (
        "static-address-twice",
        DENY,
        "an IPv6 address of two prefix lengths",
        addressed("fd00::5/64", "fd00::5/48"),
        addressed("10.1.2.3/24", "10.1.2.3/16", "fd00::5/64", "fd00::6/64"),
    ),
    (
        "no-effect",
        WARN,
        "a version beside an address",
        static({"address": "10.1.2.3/24", "version": "4"}),
        addressed("10.1.2.3/24"),
    ),
    (
        "key-value",
        WARN,
        "gateways of sbr that are no list",
        after_bridge("sbr", gateways="10.1.2.1"),
        after_bridge("sbr", gateways=["10.1.2.1"]),
    ),
    (
        "key-value",
        WARN,
        "gateways of sbr that are no texts",
        after_bridge("sbr", gateways=[1]),
        after_bridge("sbr", gateways=[]),
    ),
    (
        "no-effect",
        WARN,
        "a device by name and by PCI address",
        conf("host-device", device="eth1", pciBusID="0000:00:1f.6"),
        conf("host-device", device="eth1", pciBusID=""),
    ),
]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case[0]}: {case[2]}") for case in CASES])
def test_a_rule_weighs_what_the_plugin_makes_of_it(case: Weighed) -> None:
    assert_weighed(case)
