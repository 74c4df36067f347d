"""Findings about vrf."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case

DENY, WARN = Severity.DENY, Severity.WARN


def chain(*others: dict[str, Any], version: str = "1.0.0") -> dict[str, Any]:
    return {"cniVersion": version, "name": "n", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, *others]}


CASES: list[RuleCase] = [
    (
        "key-needed",
        DENY,
        "vrf without name",
        chain({"type": "vrf", "vrf_name": "b"}),
        chain({"type": "vrf", "vrfName": "b"}),
    ),
    (
        "key-value",
        WARN,
        "the local table for vrf",
        chain({"type": "vrf", "vrfname": "b", "table": 255}),
        chain({"type": "vrf", "vrfname": "b", "table": 0}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)
