"""Rule group 2, the keys: those that no plugin reads, and those that are read in spite of their case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.plugins.view import View
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.text.json_document import Member, Node
from netattach_core.validation.go_json import NO_SCHEMA, Schema, spellings

KEY_MISSPELT = Rule("key-misspelt", Severity.WARN, "a key that is not read and looks like one that is")
KEY_UNKNOWN = Rule("key-unknown", Severity.WARN, "a key that the plugin does not read")
KEY_CASE = Rule("key-case", Severity.WARN, "a key whose capital letters are not the plugin's")
KEY_RESERVED = Rule("key-reserved", Severity.WARN, "a key that belongs to the runtime")

RULES = (KEY_MISSPELT, KEY_UNKNOWN, KEY_CASE, KEY_RESERVED)

_OF_ANY_PLUGIN = {"args", "capabilities", "dns"}
"""What stands beside `type`, whatever the plugin."""

_ALIASES = {"capability": "capabilities"}

_RESERVED = {"runtimeConfig", "prevResult"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the keys: a plugin's name, and the words that people write for its keys.

    For a main plugin, `ipam` is the schema of the section that another one reads; for an IPAM plugin, `main` is the
    configuration around its section, and `main_schema` has that one's own keys.
    """

    name: str
    aliases: Mapping[str, str]
    ipam: Schema = field(default_factory=dict)
    main: View | None = None
    main_schema: Schema = field(default_factory=dict)


def check(node: Node, path: Path, schema: Schema, reader: Reader) -> Iterator[Finding]:
    """The keys of an object, and of all objects in it whose keys the schema lists; not all of them where it is `open`."""
    properties = schema.get("properties", {})
    if not (node.members and properties) and not (node.items and "items" in schema):
        return
    spelling = spellings(schema)
    for member in node.members:
        if member.key in properties and member.key not in _RESERVED:
            continue
        for finding in _key(member, node, path, schema, reader):
            if not (schema.get("open") and finding.rule is KEY_UNKNOWN):
                yield finding
    for member in node.members:
        if member.node.members or member.node.items:
            inner = properties.get(spelling.get(member.key.casefold(), member.key), NO_SCHEMA)
            yield from check(member.node, (*path, member.key), inner, reader)
    for index, item in enumerate(node.items):
        yield from check(item, (*path, index), schema.get("items", NO_SCHEMA), reader)


def _key(member: Member, node: Node, path: Path, schema: Schema, reader: Reader) -> Iterator[Finding]:
    key, offset, at = member.key, member.start, (*path, member.key)
    spelling, known = spellings(schema), schema["properties"]
    if key in _RESERVED:
        problem = f"`{key}` belongs to the runtime; the daemon takes it out of a NAD"
        yield Finding(
            KEY_RESERVED, at, problem, "remove it; a pod's annotation can ask for capabilities", offset
        )
    elif key.startswith("cni.dev/"):
        problem = f"`{key}` belongs to the runtime, which tells plugins by it what is to be kept"
        yield Finding(KEY_RESERVED, at, problem, "remove it", offset)
    elif key in known or _is_comment(key):
        return
    elif key.casefold() in spelling:
        right = spelling[key.casefold()]
        problem = f"`{key}` is read as `{right}`, since plugins read keys without regard to case; other tools do not"
        yield Finding(KEY_CASE, at, problem, f"write `{right}`", offset)
    else:
        yield _unread(member, node, at, schema, reader)


def _unread(member: Member, node: Node, at: Path, schema: Schema, reader: Reader) -> Finding:
    problem = f"{reader.name} does not read `{member.key}`"
    aliases = {**_ALIASES, **reader.aliases, **schema.get("aliases", {})}
    meant = _meant(member.key, list(schema["properties"]), aliases)
    move = None if meant and _surely(member.key, meant, aliases) else _move(member.key, node, schema, reader)
    if meant and not move:
        return Finding(KEY_MISSPELT, at, problem, f"did you mean `{meant}`?", member.start)
    return Finding(KEY_UNKNOWN, at, f"{problem}: it has no effect", move or "remove it", member.start)


def _surely(key: str, meant: str, aliases: Mapping[str, str]) -> bool:
    """Whether the key is another word for that one, or its very letters; and does not merely look like it."""
    return aliases.get(key) == meant or suggestions.alike(key, meant)


def _move(key: str, node: Node, schema: Schema, reader: Reader) -> str | None:
    """Where the key would be read, if not here: beside the ipam section, in that, or in another member or its entries."""
    around = reader.main_schema.get("properties", {})
    if reader.main and not reader.main.has(key) and (key in _OF_ANY_PLUGIN or key in around):
        return "move it out of `ipam`, beside the plugin's `type`"
    if key in reader.ipam.get("properties", {}) and not _holds(node.value.get("ipam"), key):
        return "move it into `ipam`"
    for name, inner in schema["properties"].items():
        value = node.value.get(name)
        if value is not None and key in _entry(inner).get("properties", {}) and not _holds(value, key):
            return f"move it into {'the entry of ' if 'items' in inner else ''}`{name}`"
    return None


def _entry(schema: Schema) -> Schema:
    """That of a list's entries, however deep; else the schema itself."""
    while "items" in schema:
        schema = schema["items"]
    return schema


def _holds(value: Any, key: str) -> bool:
    """Of a list the first entry stands for all: this is asked of each key that is not read, and there may be many."""
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, Mapping) and key in value


def _meant(key: str, known: list[str], aliases: Mapping[str, str]) -> str | None:
    """The key itself may be among the aliases, or look like one of the keys, or else like one of the aliases."""
    alias = aliases.get(key)
    if alias in known:
        return alias
    leading = [word for word, meant in aliases.items() if meant in known]
    return suggestions.closest(key, known) or aliases.get(suggestions.closest(key, leading) or "")


def _is_comment(key: str) -> bool:
    """What people write where JSON has no comments, and names with a domain, which are somebody's own."""
    return key.startswith(("_", "#", "//", "$", "x-")) or key in {"comment", "description"} or "/" in key
