"""Findings about route-override."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case, bridge

DENY, WARN = Severity.DENY, Severity.WARN


def chain(*others: dict[str, Any], version: str = "1.0.0") -> dict[str, Any]:
    return {"cniVersion": version, "name": "n", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, *others]}


def override(**route: Any) -> dict[str, Any]:
    added = {"type": "route-override", "addroutes": [route]}
    return {"cniVersion": "1.0.0", "plugins": [bridge(), added]}


CASES: list[RuleCase] = [
    (
        "route",
        DENY,
        "an invalid destination",
        chain({"type": "route-override", "addroutes": [{"dst": "10.9.0.0"}]}),
        chain(
            {
                "type": "route-override",
                "addroutes": [{"gw": "10.1.2.1"}],
                "delroutes": [{"dst": "10.9.0.5/16"}],
            }
        ),
    ),
    (
        "route-gateway",
        WARN,
        "a next hop of the other IP version for route-override",
        chain({"type": "route-override", "addroutes": [{"dst": "10.9.0.0/16", "gw": "fd00::1"}]}),
        chain({"type": "route-override", "delroutes": [{"dst": "10.9.0.0/16", "gw": "fd00::1"}]}),
    ),
    (
        "key-needed",
        WARN,
        "args without cni",
        chain({"type": "route-override", "args": {}}),
        chain({"type": "route-override", "args": {"cni": {}}}),
    ),
    (
        "route",
        WARN,
        "host bits in a destination",
        override(dst="10.9.0.5/16"),
        override(dst="10.9.0.0/16"),
    ),
    (
        "route-gateway",
        WARN,
        "a next hop of the other IP version for route-override",
        override(dst="10.9.0.0/16", gw="fd00::1"),
        override(dst="10.9.0.0/16", gw="10.1.2.1"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
