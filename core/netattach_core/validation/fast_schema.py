"""A fast test whether a value meets a schema: yes for nearly every valid value, never for an invalid one.

Where the answer is no, jsonschema decides, and explains what is wrong. Most values are valid, and for those jsonschema takes
thirty times as long as this test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netattach_core.validation.go_json import NO_SCHEMA, cache_per_schema

_TYPES: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_WITHOUT_EFFECT = {"fix", "open", "aliases", "exact", "nullRefused", "description"}
_SUPPORTED = {
    *("type", "properties", "additionalProperties", "items", "enum", "minimum", "maximum", "maxLength"),
    *_WITHOUT_EFFECT,
}

Test = Callable[[Any], bool]


@cache_per_schema
def quick_check(schema: Mapping[str, Any]) -> Test:
    """A test of values, compiled from the schema; False in doubt: for other keywords, and for 1500.0 as an integer."""
    kind = _TYPES.get(str(schema.get("type")))
    if kind is None or not schema.keys() <= _SUPPORTED:
        return lambda _: not schema.keys() - _WITHOUT_EFFECT
    meets = _object(schema) if kind is dict else _list(schema) if kind is list else _scalar(schema)
    return lambda value: type(value) is kind and meets(value)  # so that a bool is not an int


def _object(schema: Mapping[str, Any]) -> Test:
    members = {key: quick_check(inner) for key, inner in schema.get("properties", NO_SCHEMA).items()}
    additional = quick_check(schema.get("additionalProperties", NO_SCHEMA))
    return lambda value: all(members.get(key, additional)(inner) for key, inner in value.items())


def _list(schema: Mapping[str, Any]) -> Test:
    item = quick_check(schema.get("items", NO_SCHEMA))
    return lambda value: all(item(each) for each in value)


def _scalar(schema: Mapping[str, Any]) -> Test:
    enum, longest = schema.get("enum"), schema.get("maxLength")
    low, high = schema.get("minimum"), schema.get("maximum")

    def meets(value: Any) -> bool:
        return (
            (enum is None or value in enum)
            and (longest is None or len(value) <= longest)
            and (low is None or low <= value)
            and (high is None or value <= high)
        )

    return meets
