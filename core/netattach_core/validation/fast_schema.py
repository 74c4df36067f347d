"""A fast test whether a value meets a schema: yes for nearly every valid value, never for an invalid one.

Where the answer is no, jsonschema decides, and explains what is wrong. Most values are valid, and for those jsonschema takes
thirty times as long as this test. It is imported where it is used for the first time: a daemon that meets no invalid value does
without its 3 MiB.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from netattach_core.validation.go_json import NO_SCHEMA, cache_per_schema

_TYPES: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_WITHOUT_EFFECT = {
    *("fix", "open", "aliases", "exact", "nullRefused", "shadowed", "description"),
    *("fromText", "fromRange", "meant", "elsewhere"),
}
_SUPPORTED = {
    *("type", "properties", "additionalProperties", "required", "items", "minItems", "uniqueItems"),
    *("enum", "minimum", "maximum", "minLength", "maxLength", "pattern"),
    *_WITHOUT_EFFECT,
}

Test = Callable[[Any], bool]


@cache_per_schema
def quick_check(schema: Mapping[str, Any]) -> Test:
    """A test of values, compiled from the schema; False in doubt: for other keywords, and for 1500.0 as an integer."""
    kind = _TYPES.get(str(schema.get("type")))
    if schema.keys() - _WITHOUT_EFFECT == {"enum"}:
        return _choice(schema["enum"])
    if kind is None or not schema.keys() <= _SUPPORTED:
        return lambda _: not schema.keys() - _WITHOUT_EFFECT
    meets = _object(schema) if kind is dict else _list(schema) if kind is list else _scalar(schema)
    return lambda value: type(value) is kind and meets(value)  # so that a bool is not an int


def _choice(values: Collection[Any]) -> Test:
    """1 and 1.0 are different here, and false is not 0."""
    return lambda value: any(type(value) is type(each) and value == each for each in values)


def _object(schema: Mapping[str, Any]) -> Test:
    members = {key: quick_check(inner) for key, inner in schema.get("properties", NO_SCHEMA).items()}
    others = schema.get("additionalProperties", NO_SCHEMA)
    additional = (lambda _: others) if isinstance(others, bool) else quick_check(others)
    required = frozenset(schema.get("required", ()))
    return lambda value: (
        required <= value.keys() and all(members.get(key, additional)(inner) for key, inner in value.items())
    )


def _list(schema: Mapping[str, Any]) -> Test:
    item = quick_check(schema.get("items", NO_SCHEMA))
    fewest = schema.get("minItems", 0)
    unique = _unique if schema.get("uniqueItems") else _any
    return lambda value: len(value) >= fewest and all(item(each) for each in value) and unique(value)


def _unique(items: list[Any]) -> bool:
    """False in doubt: for other items than texts."""
    return all(type(each) is str for each in items) and len(set(items)) == len(items)


def _any(_: list[Any]) -> bool:
    return True


def _scalar(schema: Mapping[str, Any]) -> Test:
    enum, shortest, longest = schema.get("enum"), schema.get("minLength"), schema.get("maxLength")
    low, high = schema.get("minimum"), schema.get("maximum")
    pattern = re.compile(schema.get("pattern", ""))

    def meets(value: Any) -> bool:
        return (
            (enum is None or value in enum)
            and (shortest is None or len(value) >= shortest)
            and (longest is None or len(value) <= longest)
            and (low is None or low <= value)
            and (high is None or value <= high)
            and ("pattern" not in schema or pattern.search(value) is not None)
        )

    return meets
