"""The configuration as Go's encoding/json reads it into a plugin's types.

Keys match without regard to case, of several the last one counts (of objects they are put together), and a null leaves the
field as it was; so all checks see
one spelling, and no nulls, but where a type reads them itself (`nullRefused` in its schema). Offsets still point into the
author's text.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from netattach_core.text.json_document import Member, Node

T = TypeVar("T")
Schema = Mapping[str, Any]

NO_SCHEMA: Schema = {}
"""Of what nothing is said."""

_NESTED = frozenset({dict, list})
_ZERO: dict[str, Any] = {"object": {}, "array": [], "string": "", "integer": 0, "boolean": False}


def as_go_reads(node: Node, schema: Mapping[str, Any]) -> Node:
    """The node with the keys of the schema in their own spelling; what the schema does not name stays as it is."""
    if isinstance(node.value, dict):
        return _object(node, schema)
    if isinstance(node.value, list) and "items" in schema:
        items = tuple(as_go_reads(_zero(item, schema["items"]), schema["items"]) for item in node.items)
        if all(map(operator.is_, items, node.items)):
            return node
        return Node([item.value for item in items], node.start, node.end, items=items)
    return node


def _object(node: Node, schema: Mapping[str, Any]) -> Node:
    properties = schema.get("properties", {})
    spelling = spellings(schema)
    members: list[Member] = []
    seen = set[str]()
    for member in node.members:
        key = member.key if member.key in properties else spelling.get(member.key.casefold(), member.key)
        if member.node.value is None and not properties.get(key, NO_SCHEMA).get("nullRefused"):
            continue
        value = member.node
        if type(value.value) in _NESTED:
            value = as_go_reads(value, properties.get(key, NO_SCHEMA))
        earlier = next((m.node for m in reversed(members) if m.key == key), None) if key in seen else None
        if earlier is not None and properties.get(key, NO_SCHEMA).get("type") == "object":
            value = merged(earlier, value)
        seen.add(key)
        is_as_written = value is member.node and key == member.key
        members.append(member if is_as_written else Member(key, member.start, value))
    if len(members) == len(node.members) and all(map(operator.is_, members, node.members)):
        return node  # as nearly all are
    return Node({m.key: m.node.value for m in members}, node.start, node.end, members=tuple(members))


def merged(earlier: Node, later: Node) -> Node:
    """Two objects under one key: Go reads the second into what the first has left."""
    if not (isinstance(earlier.value, dict) and isinstance(later.value, dict)):
        return later
    members = (*earlier.members, *later.members)
    return Node({m.key: m.node.value for m in members}, later.start, later.end, members=members)


def cache_per_schema(function: Callable[[Schema], T]) -> Callable[[Schema], T]:
    """Remembers what comes of each schema. They are constants, and a configuration may have an object for each ten bytes."""
    known: dict[int, tuple[Schema, T]] = {}

    def answer(schema: Schema) -> T:
        found = known.get(id(schema))
        if found is None or found[0] is not schema:
            found = known[id(schema)] = (schema, function(schema))
        return found[1]

    return answer


@cache_per_schema
def spellings(schema: Schema) -> dict[str, str]:
    """From a key without case to its own spelling; from none where a map is read, and not a type of Go's."""
    if schema.get("exact"):
        return {}
    return {key.casefold(): key for key in schema.get("properties", {})}


def _zero(item: Node, schema: Mapping[str, Any]) -> Node:
    """A null in a list is the zero value of its type."""
    kind = schema.get("type")
    if item.value is None and isinstance(kind, str) and kind in _ZERO:
        return Node(_ZERO[kind], item.start, item.end)
    return item
