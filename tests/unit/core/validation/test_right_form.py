"""The right form of a value of the wrong type: in the author's own values, and valid."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from netattach_core.plugins import bond, bridge, host_local, ovs, partly_known, static, whereabouts
from netattach_core.validation import right_form
from support.validation import bridge as bridged
from support.validation import config, macvlan, ranged, validated

RANGE = {"subnet": "10.56.0.0/16", "rangeStart": "10.56.1.20"}
BOND = {"mode": "802.3ad", "miimon": "100"}

FIXES: list[tuple[str, Any]] = [
    ('write "ranges": [[{"subnet": "10.56.0.0/16", "rangeStart": "10.56.1.20"}]]', ranged(ranges=RANGE)),
    ('write [{"subnet": "10.56.0.0/16", "rangeStart": "10.56.1.20"}]', ranged(ranges=[RANGE])),
    ('write "ranges": [[{"subnet": "10.56.0.0/16"}]]', ranged(ranges="10.56.0.0/16")),
    ('write {"subnet": "10.56.0.0/16"}', ranged(ranges=[["10.56.0.0/16"]])),
    ('write "vlanTrunk": [{"minID": 100, "maxID": 200}]', bridged(vlanTrunk="100-200")),
    ('write "vlanTrunk": [{"id": 10}, {"minID": 20, "maxID": 30}]', bridged(vlanTrunk="10, 20-30")),
    ('write "vlanTrunk": [{"id": 100}]', bridged(vlanTrunk=100)),
    ('write "vlanTrunk": [{"id": 100}]', bridged(vlanTrunk={"id": 100})),
    ('write {"id": 100}', bridged(vlanTrunk=[100])),
    ('write {"minID": 100, "maxID": 200}', bridged(vlanTrunk=["100-200"])),
    ('write {"id": 100} or {"minID": 100, "maxID": 200}', bridged(vlanTrunk=[True])),
    ('write {"minID": 5, "maxID": 9}', config("ovs", bridge="b", trunk=["5-9"])),
    ('write {"name": "net1"}', config("bond", **BOND, links=["net1", {"name": "net2"}])),
    ('write "links": [{"name": "net1"}, {"name": "net2"}]', config("bond", **BOND, links="net1,net2")),
    ('write {"name": "net1"}', config("bond", **BOND, links=[["x"], {"name": "net2"}])),
    (
        'write {"range": "192.168.2.0/24"}',
        macvlan(ipam={"type": "whereabouts", "ipRanges": ["192.168.2.0/24"]}),
    ),
    (
        'write "ipRanges": [{"range": "192.168.2.0/24"}]',
        macvlan(ipam={"type": "whereabouts", "ipRanges": {"range": "192.168.2.0/24"}}),
    ),
    (
        'write "addresses": [{"address": "10.10.0.1/24"}]',
        macvlan(ipam={"type": "static", "addresses": "10.10.0.1/24"}),
    ),
    ('write {"address": "10.10.0.1/24"}', macvlan(ipam={"type": "static", "addresses": ["10.10.0.1/24"]})),
    ('write {"dst": "10.2.0.0/16"}', ranged(routes=["10.2.0.0/16"])),
    ('write "routes": [{"dst": "10.2.0.0/16"}]', ranged(routes={"dst": "10.2.0.0/16"})),
    ('write "nameservers": ["10.0.0.53"]', macvlan(dns={"nameservers": "10.0.0.53"})),
]


@pytest.mark.parametrize(("fix", "bad"), FIXES)
def test_the_fix_shows_the_whole_form_with_the_authors_own_values(fix: str, bad: Any) -> None:
    assert fix in [each.fix for each in validated(bad) if each.rule.id == "schema"]


SCHEMAS = {
    "vlanTrunk": bridge.PLUGIN.schema["properties"]["vlanTrunk"],
    "trunk": ovs.PLUGIN.schema["properties"]["trunk"],
    "links": bond.PLUGIN.schema["properties"]["links"],
    "ranges": host_local.PLUGIN.schema["properties"]["ranges"],
    "addresses": static.PLUGIN.schema["properties"]["addresses"],
    "routes": static.PLUGIN.schema["properties"]["routes"],
    "ipRanges": whereabouts.PLUGIN.schema["properties"]["ipRanges"],
    "mirrors": next(
        each.schema["properties"]["mirrors"]
        for each in partly_known.PLUGINS
        if each.type == "ovs-mirror-producer"
    ),
}

_PLAIN = st.text("abc019.:/-, ", max_size=12) | st.integers(-5, 5000) | st.booleans() | st.none()
_VALUES = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


@given(st.sampled_from(sorted(SCHEMAS)), _VALUES)
def test_the_right_form_has_the_types_of_the_schema(key: str, value: Any) -> None:
    """Whatever the author wrote; a number may still be too large, which the next finding says."""
    text = right_form.text_of(value, SCHEMAS[key])
    if text is not None:
        errors = Draft202012Validator(SCHEMAS[key]).iter_errors(json.loads(text))
        assert {error.validator for error in errors} <= {"minimum", "maximum"}


@pytest.mark.parametrize(
    "value", [None, "", {}, True, 1.5, ["x" * 300], [None]], ids=lambda value: repr(value)[:9]
)
def test_no_form_is_better_than_a_wrong_or_an_endless_one(value: Any) -> None:
    assert right_form.text_of(value, SCHEMAS["links"], "links") in {None, '"links": []'}
