"""The configuration as Go's encoding/json reads it into a plugin's types.

Keys match without regard to case, of several the last one counts, and a null leaves the field as it was; so all checks see
one spelling, and no nulls. Offsets still point into the author's text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from netattach_core.json_text import Member, Node

T = TypeVar("T")
Schema = Mapping[str, Any]

NO_SCHEMA: Schema = {}
"""Of what nothing is said."""

_ZERO: dict[str, Any] = {"object": {}, "array": [], "string": "", "integer": 0, "boolean": False}


def as_go_reads(node: Node, schema: Mapping[str, Any]) -> Node:
    """The node with the keys of the schema in their own spelling; what the schema does not name stays as it is."""
    if isinstance(node.value, dict):
        return _object(node, schema)
    if isinstance(node.value, list) and "items" in schema:
        items = tuple(as_go_reads(_zero(item, schema["items"]), schema["items"]) for item in node.items)
        return Node([item.value for item in items], node.start, node.end, items=items)
    return node


def _object(node: Node, schema: Mapping[str, Any]) -> Node:
    properties = schema.get("properties", {})
    spelling = spellings(schema)
    members = []
    for member in node.members:
        if member.node.value is None:
            continue
        key = spelling.get(member.key.casefold(), member.key)
        value = as_go_reads(member.node, properties.get(key, NO_SCHEMA))
        members.append(Member(key, member.start, value))
    return Node({m.key: m.node.value for m in members}, node.start, node.end, members=tuple(members))


def once_per_schema(function: Callable[[Schema], T]) -> Callable[[Schema], T]:
    """Remembers what comes of each schema. They are constants, and a configuration may have an object for each ten bytes."""
    known: dict[int, tuple[Schema, T]] = {}

    def answer(schema: Schema) -> T:
        found = known.get(id(schema))
        if found is None or found[0] is not schema:
            found = known[id(schema)] = (schema, function(schema))
        return found[1]

    return answer


@once_per_schema
def spellings(schema: Schema) -> dict[str, str]:
    """From a key without case to its own spelling."""
    return {key.casefold(): key for key in schema.get("properties", {})}


def _zero(item: Node, schema: Mapping[str, Any]) -> Node:
    """A null in a list is the zero value of its type."""
    kind = schema.get("type")
    if item.value is None and isinstance(kind, str) and kind in _ZERO:
        return Node(_ZERO[kind], item.start, item.end)
    return item
