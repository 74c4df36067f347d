"""Findings about dhcp."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import Weighed, assert_weighed, macvlan

DENY = Severity.DENY


def dhcp(option: str) -> dict[str, Any]:
    return macvlan(ipam={"type": "dhcp", "provide": [{"option": option, "value": "x"}]})


CASES: list[Weighed] = [
    ("dhcp-option", DENY, "an unsupported option", dhcp("hostname"), dhcp("host-name")),
    ("dhcp-option", DENY, "an option above 255", dhcp("256"), dhcp("12")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: Weighed) -> None:
    assert_weighed(case)
