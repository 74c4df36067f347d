"""Findings about several main plugins in one list."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case, severities

DENY, WARN = Severity.DENY, Severity.WARN


def after(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "plugins": [first, second]}


BRIDGE = {"type": "bridge", "ipam": HOST_LOCAL}
MACVLAN = {"type": "macvlan", "master": "eth1"}
IPVLAN = {"type": "ipvlan", "master": "eth1", "ipam": HOST_LOCAL}

CASES: list[RuleCase] = [
    ("main-twice", DENY, "two bridges", after(BRIDGE, BRIDGE), after(BRIDGE, {"type": "tuning"})),
    (
        "main-twice",
        DENY,
        "ipvlan with its own master",
        after(MACVLAN, IPVLAN),
        after(MACVLAN, {**IPVLAN, "master": None}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)


DENIED_AND_SIMILAR = {
    "macvlan after bridge": (
        after(BRIDGE, MACVLAN),
        after({**BRIDGE, "ipam": {}, "disableContainerInterface": True}, MACVLAN),
    ),
    "a NIC after bridge": (
        after(BRIDGE, {"type": "host-device", "device": "eth2"}),
        after(BRIDGE, {"type": "host-device", "pciBusID": "0000:00:1f.6"}),
    ),
}


@pytest.mark.parametrize(("bad", "uncertain"), DENIED_AND_SIMILAR.values(), ids=DENIED_AND_SIMILAR)
def test_a_second_main_plugin_is_denied_only_where_it_certainly_fails(
    bad: dict[str, Any], uncertain: dict[str, Any]
) -> None:
    assert DENY in severities("main-twice", bad)
    assert {WARN} == severities("main-twice", uncertain)
