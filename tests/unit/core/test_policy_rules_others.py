"""The plugins of other projects: what they refuse is denied, what they do in silence warned of, and what is right passed over."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.finding import Severity
from support.judging import assert_fires, conf, ids, judged_as_written

DENY, WARN = Severity.DENY, Severity.WARN

BOND = conf("bond", miimon="100", mode="802.3ad", links=[{"name": "net1"}, {"name": "net2"}])


def ovs(**keys: Any) -> dict[str, Any]:
    return conf("ovs", **{"bridge": "br1", **keys})


CASES: list[tuple[str, Severity, str, Any, Any]] = [
    ("key-needed", DENY, "a bond without mode", {**BOND, "mode": None}, BOND),
    ("key-needed", DENY, "a bond of an empty mode", {**BOND, "mode": ""}, {**BOND, "mode": "balance-rr"}),
    ("key-needed", DENY, "a link without name", {**BOND, "links": [{"name": "net1"}, {}]}, BOND),
    (
        "key-value",
        DENY,
        "an empty policy of a bond",
        {**BOND, "xmitHashPolicy": ""},
        {**BOND, "xmitHashPolicy": None},
    ),
    (
        "key-needed",
        DENY,
        "half a range in a trunk",
        ovs(trunk=[{"minID": 100}]),
        ovs(trunk=[{"minID": 100, "maxID": 100}]),
    ),
    (
        "key-needed",
        DENY,
        "a range from 0 in a trunk",
        ovs(trunk=[{"minID": 0, "maxID": 100}]),
        ovs(trunk=[{"minID": 0, "maxID": 100}, {"id": 0}]),
    ),
    (
        "no-effect",
        WARN,
        "half a range beside a VLAN",
        ovs(trunk=[{"maxID": 100}, {"id": 5}]),
        ovs(trunk=[{"minID": 1, "maxID": 100}, {"id": 5}]),
    ),
]


@pytest.mark.parametrize(
    ("rule", "weight", "config"),
    [pytest.param(rule, weight, bad, id=f"{rule}: {why}") for rule, weight, why, bad, _ in CASES],
)
def test_a_rule_fires(rule: str, weight: Severity, config: Any) -> None:
    """And weighs what the plugin makes of it."""
    assert_fires(rule, config)
    assert {weight} == {f.weight for f in judged_as_written(config) if f.rule.id == rule}


@pytest.mark.parametrize(
    ("rule", "config"),
    [pytest.param(rule, good, id=f"{rule}, unlike: {why}") for rule, _, why, _, good in CASES],
)
def test_a_rule_stays_silent(rule: str, config: Any) -> None:
    """Over what looks much like it and is right."""
    assert rule not in ids(judged_as_written(config))
