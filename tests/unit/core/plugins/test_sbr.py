"""Findings about sbr."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, STATIC, RuleCase, assert_rule_case, bridge, config

DENY, WARN = Severity.DENY, Severity.WARN


def chain(*others: dict[str, Any], version: str = "1.0.0") -> dict[str, Any]:
    return {"cniVersion": version, "name": "n", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, *others]}


def ovs(**keys: Any) -> dict[str, Any]:
    return config("ovs", **{"bridge": "br1", **keys})


def listed(*plugins: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "plugins": list(plugins)}


def after_bridge(kind: str, **keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "plugins": [bridge(), {"type": kind, **keys}]}


CASES: list[RuleCase] = [
    (
        "sbr-without-address",
        DENY,
        "sbr after a plugin without addresses",
        {"cniVersion": "1.0.0", "plugins": [config("bridge"), {"type": "sbr"}]},
        {"cniVersion": "1.0.0", "plugins": [config("bridge"), {"type": "other"}, {"type": "sbr"}]},
    ),
    (
        "key-value",
        WARN,
        "the main routing table",
        chain({"type": "sbr", "table": 254}),
        chain({"type": "sbr", "table": 100}),
    ),
    (
        "sbr-without-address",
        DENY,
        "sbr after ovs alone",
        listed(ovs(), {"type": "sbr"}),
        listed(ovs(ipam=HOST_LOCAL), {"type": "sbr"}),
    ),
    (
        "sbr-without-address",
        DENY,
        "sbr after ovs and tuning",
        listed(ovs(), {"type": "tuning"}, {"type": "sbr"}),
        listed(ovs(configuration_path="/etc/ovs.conf"), {"type": "sbr"}),
    ),
    (
        "sbr-twice",
        DENY,
        "sbr after sbr",
        chain({"type": "sbr"}, {"type": "tuning"}, {"type": "sbr"}),
        chain({"type": "sbr"}, {"type": "sbr", "table": 100}),
    ),
    (
        "sbr-twice",
        WARN,
        "sbr after sbr, perhaps without a gateway",
        listed(bridge(ipam=STATIC), {"type": "sbr"}, {"type": "sbr"}),
        listed(bridge(ipam=STATIC), {"type": "sbr", "table": 100}, {"type": "sbr"}),
    ),
    (
        "key-value",
        WARN,
        "gateways that are not a list",
        after_bridge("sbr", gateways="10.1.2.1"),
        after_bridge("sbr", gateways=["10.1.2.1"]),
    ),
    (
        "key-value",
        WARN,
        "gateways that are not strings",
        after_bridge("sbr", gateways=[1]),
        after_bridge("sbr", gateways=[]),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
