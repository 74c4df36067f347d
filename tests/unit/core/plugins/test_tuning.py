"""Findings about tuning."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case

DENY = Severity.DENY


def chain(*others: dict[str, Any], version: str = "1.0.0") -> dict[str, Any]:
    return {"cniVersion": version, "name": "n", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, *others]}


CASES: list[RuleCase] = [
    (
        "sysctl",
        DENY,
        "sysctls only in args",
        chain({"type": "tuning", "args": {"cni": {"sysctl": {"net.ipv4.ip_forward": "1"}}}}),
        chain({"type": "tuning", "sysctl": {}, "args": {"cni": {"sysctl": {"net.ipv4.ip_forward": "1"}}}}),
    ),
    (
        "sysctl",
        DENY,
        "a sysctl that is not a network sysctl",
        chain({"type": "tuning", "sysctl": {"kernel.shmmax": "1"}}),
        chain(),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
