"""Findings about firewall."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case, macvlan

DENY, WARN = Severity.DENY, Severity.WARN


def chain(*others: dict[str, Any], version: str = "1.0.0") -> dict[str, Any]:
    return {"cniVersion": version, "name": "n", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, *others]}


def after(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "plugins": [first, second]}


BRIDGE = {"type": "bridge", "ipam": HOST_LOCAL}

CASES: list[RuleCase] = [
    (
        "ingress-policy-without-bridge",
        WARN,
        "an ingress policy after macvlan",
        {"cniVersion": "1.0.0", "plugins": [macvlan(), {"type": "firewall", "ingressPolicy": "same-bridge"}]},
        chain({"type": "firewall", "ingressPolicy": "same-bridge"}),
    ),
    (
        "key-value",
        DENY,
        "a space in the chain name",
        after(BRIDGE, {"type": "firewall", "iptablesAdminChainName": "ADMIN CHAIN"}),
        after(BRIDGE, {"type": "firewall", "iptablesAdminChainName": "CNI-ADMIN"}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
