"""The fast test never accepts what jsonschema refuses, and accepts most of what is valid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from netattach_core import plugins
from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Plugin
from netattach_core.validation.fast_schema import quick_check

EVERY = pytest.mark.parametrize("plugin", plugins.PLUGINS, ids=lambda plugin: plugin.type)

ODD = st.sampled_from(
    [None, True, False, 0, -1, 4095, 2**70, 1.0, 1500.5, "", "true", "bridge", [], [None], {}, {"x": 1}]
)


def near(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that meet the schema, or nearly do."""
    return st.one_of(good(schema), ODD)


def good(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of the right type; nested ones may be wrong."""
    match schema.get("type"):
        case "object":
            own = {key: near(inner) for key, inner in schema.get("properties", {}).items()}
            more = st.dictionaries(
                st.sampled_from(["x", "ips"]), near(schema.get("additionalProperties", {})), max_size=1
            )
            return st.builds(lambda a, b: {**b, **a}, st.fixed_dictionaries({}, optional=own), more)
        case "array":
            return st.lists(near(schema.get("items", {})), max_size=3)
        case "string":
            return st.sampled_from([*schema.get("enum", ()), "x", "x" * schema.get("maxLength", 1)])
        case "integer":
            low, high = schema.get("minimum", -9), schema.get("maximum", 9)
            return st.sampled_from([low - 1, low, 0, high, high + 1])
        case "boolean":
            return st.booleans()
    return ODD


@EVERY
@given(data=st.data())
def test_what_it_accepts_is_valid_for_jsonschema(plugin: Plugin, data: st.DataObject) -> None:
    schema = {**plugin.schema, "properties": {**schema_types.COMMON, **plugin.schema["properties"]}}
    value = data.draw(good(schema))

    if quick_check(schema)(value):
        assert Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (
            schema_types.object_of(mtu=schema_types.INTEGER, mode=schema_types.one_of("bridge")),
            {"mtu": 9000, "mode": "bridge", "more": [1]},
        ),
        (schema_types.ROUTES, [{"dst": "10.0.0.0/8"}, {}]),
        (schema_types.CAPABILITIES, {"ips": True}),
        (schema_types.ANYTHING, None),
        ({"type": "string", "pattern": "^a", "minLength": 1}, "ab"),
        ({"enum": ["off", False]}, False),
        ({"type": "array", "minItems": 1}, [1]),
        ({"type": "array", "uniqueItems": True}, ["a", "b"]),
        (
            {"type": "object", "additionalProperties": False, "required": ["a"], "properties": {"a": {}}},
            {"a": 1},
        ),
    ],
)
def test_it_accepts_simple_valid_values(schema: Mapping[str, Any], value: Any) -> None:
    assert quick_check(schema)(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (schema_types.INTEGER, True),
        (schema_types.INTEGER, 1500.0),
        (schema_types.VLAN_ID, 4095),
        (schema_types.CAPABILITIES, {"ips": 1}),
        ({"type": "string", "pattern": "^a"}, "b"),
        ({"type": ["string", "null"]}, None),
        ({"minimum": 3}, 1),
        ({"type": "string", "minLength": 1}, ""),
        ({"enum": ["off", False]}, 0),
        ({"enum": [1]}, True),
        ({"type": "array", "minItems": 1}, []),
        ({"type": "array", "uniqueItems": True}, ["a", "a"]),
        ({"type": "array", "uniqueItems": True}, [1, True]),
        ({"type": "object", "required": ["a"]}, {}),
        ({"type": "object", "additionalProperties": False}, {"a": 1}),
    ],
)
def test_it_rejects_invalid_and_doubtful_values(schema: Mapping[str, Any], value: Any) -> None:
    assert not quick_check(schema)(value)
