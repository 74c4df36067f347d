"""The configuration as Go's encoding/json decodes it into a plugin's types.

Keys match in any case; of several equal ones the last is used, or they are merged where they are objects; and null leaves a field
unchanged. So the rules see each key in one spelling and no nulls, except where a type decodes null itself (`nullRefused` in its
schema). Offsets still point into the author's text.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from netattach_core.text.json_document import Member, Node, folded

T = TypeVar("T")
Schema = Mapping[str, Any]

NO_SCHEMA: Schema = {}
"""The schema of a value without restrictions."""

_NESTED = frozenset({dict, list})
_ZERO: dict[str, Any] = {"object": {}, "array": [], "string": "", "integer": 0, "boolean": False}


def as_go_reads(node: Node, schema: Mapping[str, Any]) -> Node:
    """The node with the keys in the spelling of the schema; keys that the schema does not have are unchanged."""
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
    members: list[Member] = []
    repeated: dict[str, list[int]] = {}
    for member in node.members:
        key = member.key if member.key in properties else spelled(member.key, schema)
        if member.node.value is None and not properties.get(key, NO_SCHEMA).get("nullRefused"):
            continue
        value = member.node
        if type(value.value) in _NESTED:
            value = as_go_reads(value, properties.get(key, NO_SCHEMA))
        if properties.get(key, NO_SCHEMA).get("type") == "object":
            repeated.setdefault(key, []).append(len(members))
        is_as_written = value is member.node and key == member.key
        members.append(member if is_as_written else Member(key, member.start, value))
    for key, places in repeated.items():
        if len(places) > 1:
            last = members[places[-1]]
            members[places[-1]] = Member(key, last.start, merged([members[place].node for place in places]))
    if len(members) == len(node.members) and all(map(operator.is_, members, node.members)):
        return node  # the most frequent case
    return Node({m.key: m.node.value for m in members}, node.start, node.end, members=tuple(members))


def merged(nodes: Sequence[Node]) -> Node:
    """The values of one key, in their order: Go decodes an object into the result of the object before it.

    All at once, since an author may repeat a key ten thousand times.
    """
    last = nodes[-1]
    others = itertools.takewhile(lambda node: isinstance(node.value, dict), reversed(nodes))
    objects = [*others][::-1]
    if len(objects) < 2:
        return last
    members = tuple(member for node in objects for member in node.members)
    return Node({m.key: m.node.value for m in members}, last.start, last.end, members=members)


def cache_per_schema(function: Callable[[Schema], T]) -> Callable[[Schema], T]:
    """Caches the result for each schema, by identity: schemas are constants, and are used again for every nested object."""
    known: dict[int, tuple[Schema, T]] = {}

    def wrapper(schema: Schema) -> T:
        found = known.get(id(schema))
        if found is None or found[0] is not schema:
            found = known[id(schema)] = (schema, function(schema))
        return found[1]

    return wrapper


@cache_per_schema
def spellings(schema: Schema) -> dict[str, str]:
    """Keys as Go compares them to their spelling; empty where Go decodes into a map, which is case-sensitive."""
    if schema.get("exact"):
        return {}
    return {folded(key): key for key in schema.get("properties", {})}


def spelled(key: str, schema: Schema) -> str:
    """The key of the schema that Go reads a key as; the key itself where there is none, or where it is a field of its own."""
    if key in schema.get("shadowed", ()):
        return key
    return spellings(schema).get(folded(key), key)


def _zero(item: Node, schema: Mapping[str, Any]) -> Node:
    """The zero value of the type for a null in a list; else the item itself."""
    kind = schema.get("type")
    if item.value is None and isinstance(kind, str) and kind in _ZERO:
        return Node(_ZERO[kind], item.start, item.end)
    return item
