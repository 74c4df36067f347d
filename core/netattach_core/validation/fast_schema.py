"""Whether a value surely meets a schema: nearly every good one, and no bad one.

jsonschema has the last word, and the words for what is wrong; but to ask it of what is good, as most is, takes thirty times
as long as this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netattach_core.validation.go_json import NO_SCHEMA, cache_per_schema

_EXACT: dict[str, type] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
_IN_WORDS_ONLY = {"fix", "open", "aliases", "exact", "nullRefused", "description"}
_UNDERSTOOD = {
    *("type", "properties", "additionalProperties", "items", "enum", "minimum", "maximum", "maxLength"),
    *_IN_WORDS_ONLY,
}

Meets = Callable[[Any], bool]


@cache_per_schema
def quick_check(schema: Mapping[str, Any]) -> Meets:
    """Says no where it is in doubt: of what it does not understand, and of 1500.0, which is an integer to JSON Schema."""
    kind = _EXACT.get(str(schema.get("type")))
    if kind is None or not schema.keys() <= _UNDERSTOOD:
        return lambda _: not schema.keys() - _IN_WORDS_ONLY
    meets = _object(schema) if kind is dict else _list(schema) if kind is list else _scalar(schema)
    return lambda value: type(value) is kind and meets(value)  # which a bool is not where an int is wanted


def _object(schema: Mapping[str, Any]) -> Meets:
    members = {key: quick_check(inner) for key, inner in schema.get("properties", NO_SCHEMA).items()}
    others = quick_check(schema.get("additionalProperties", NO_SCHEMA))
    return lambda value: all(members.get(key, others)(inner) for key, inner in value.items())


def _list(schema: Mapping[str, Any]) -> Meets:
    item = quick_check(schema.get("items", NO_SCHEMA))
    return lambda value: all(item(each) for each in value)


def _scalar(schema: Mapping[str, Any]) -> Meets:
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
