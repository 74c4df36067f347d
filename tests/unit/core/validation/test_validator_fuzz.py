"""The validator never fails, whatever a NAD contains; and the offset of a finding is always inside the text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netattach_core import plugins
from netattach_core.api import inventory
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory
from netattach_core.plugins.plugin import Plugin
from netattach_core.validation.validator import validate

KEYS = sorted(
    {key for plugin in plugins.PLUGINS for key in plugin.schema["properties"]}
    | {
        "type",
        "ipam",
        "plugins",
        "cniVersion",
        "name",
        "capabilities",
        "dns",
        "args",
        "TYPE",
        "Ipam",
        "dst",
        "gw",
        "address",
    }
)
WORDS = st.sampled_from(
    [
        *(p.type for p in plugins.PLUGINS),
        "10.1.2.0/24",
        "10.1.2.9",
        "fd00::/64",
        "0.0.0.0/0",
        "lo",
        "eth0",
        "",
        "a/b",
        "1.0.0",
    ]
)
NUMBERS = st.sampled_from([0, -1, 1, 4095, 2**70, 1.0, 1.5, 1e300]) | st.integers()
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
)
NODES = [
    NodeInventory(
        "n",
        (Interface("eth0"), Interface("eth1")),
        (DefaultInterface("eth0", ()),),
        (inventory.Plugin("bridge"), inventory.Plugin("vlan")),
    )
]


@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8), st.sampled_from([None, NODES]))
def test_any_json_object_is_validated(config: dict[str, Any], nodes: list[NodeInventory] | None) -> None:
    """With keys and values that reach nested rules."""
    text = json.dumps(config)

    for finding in validate({"spec": {"config": text}}, nodes):
        assert finding.problem
        assert finding.fix
        assert finding.offset is None or 0 <= finding.offset <= len(text)


@given(st.sampled_from(plugins.PLUGINS), st.data())
def test_any_value_under_a_plugins_own_keys_is_validated(plugin: Plugin, data: st.DataObject) -> None:
    """As main plugin, as IPAM plugin and as chained plugin."""
    own = data.draw(st.dictionaries(st.sampled_from([*plugin.schema["properties"], "routes"]), VALUES))
    section = {"type": plugin.type, **own}

    for config in (section, {"type": "macvlan", "ipam": section}, {"plugins": [{"type": "bridge"}, section]}):
        assert all(finding.fix for finding in validate({"spec": {"config": json.dumps(config)}}, NODES))


@given(VALUES | st.dictionaries(st.sampled_from(["metadata", "spec", "annotations", "config"]), VALUES))
def test_any_object_is_validated(body: Any) -> None:
    """Even those that the API server would refuse."""
    assert all(finding.problem for finding in validate({"metadata": body, "spec": body}))
    assert all(finding.problem for finding in validate({"spec": {"config": body}}))
