"""Rules for keys: unknown, misplaced and reserved ones, and those in another case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.net import names
from netattach_core.plugins.view import ConfigView
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.text.json_document import Member, Node
from netattach_core.validation.go_json import NO_SCHEMA, Schema, spelled

KEY_MISSPELT = Rule("key-misspelt", Severity.WARN, "an unknown key that is similar to a known one")
KEY_UNKNOWN = Rule("key-unknown", Severity.WARN, "a key that the plugin does not read")
KEY_CASE = Rule("key-case", Severity.WARN, "a key in another case than the plugin's documentation")
KEY_RESERVED = Rule("key-reserved", Severity.WARN, "a key that is reserved for the runtime")

RULES = (KEY_MISSPELT, KEY_UNKNOWN, KEY_CASE, KEY_RESERVED)

_OF_ANY_PLUGIN = {"args", "capabilities", "dns"}
"""Keys next to `type` that are valid for every plugin."""

_ALIASES = {"capability": "capabilities"}
_LONGEST_VLAN = 4
"""Digits of a VLAN ID."""

_VLANS = range(1, 4095)


_RESERVED = {"runtimeConfig", "prevResult"}


@dataclass(frozen=True, slots=True)
class Reader:
    """The plugin that reads the keys, and the wrong names that authors use for them (`aliases`: wrong name to key).

    `instead`: what to do for a key that other plugins read, and this one does not; with {master} and {vlan}.
    For a main plugin, `ipam` is the schema of its `ipam` section; for an IPAM plugin, `main` is the configuration that
    contains its section, and `main_schema` the schema of that.
    """

    name: str
    aliases: Mapping[str, str]
    instead: Mapping[str, str] = field(default_factory=dict)
    ipam: Schema = field(default_factory=dict)
    main: ConfigView | None = None
    main_schema: Schema = field(default_factory=dict)


def check(node: Node, path: Path, schema: Schema, reader: Reader) -> Iterator[Finding]:
    """Validates the keys of an object and of nested objects in the schema; unknown keys are valid where the schema is `open`."""
    properties = schema.get("properties", {})
    if not (node.members and properties) and not (node.items and "items" in schema):
        return
    for member in node.members:
        if member.key in properties and member.key not in _RESERVED:
            continue
        for finding in _key(member, node, path, schema, reader):
            if not (schema.get("open") and finding.rule is KEY_UNKNOWN):
                yield finding
    for member in node.members:
        if member.node.members or member.node.items:
            inner = properties.get(spelled(member.key, schema), NO_SCHEMA)
            yield from check(member.node, (*path, member.key), inner, reader)
    for index, item in enumerate(node.items):
        yield from check(item, (*path, index), schema.get("items", NO_SCHEMA), reader)


def _key(member: Member, node: Node, path: Path, schema: Schema, reader: Reader) -> Iterator[Finding]:
    key, offset, at = member.key, member.start, (*path, member.key)
    known, read_as = schema["properties"], spelled(key, schema)
    if key in _RESERVED:
        problem = f"`{key}` is set by the runtime; the daemon ignores it in a NetworkAttachmentDefinition"
        yield Finding(
            KEY_RESERVED, at, problem, "remove it; a pod's annotation can request capabilities", offset
        )
    elif key.startswith("cni.dev/"):
        problem = f"`{key}` is set by the runtime, which lists valid attachments for plugins in it"
        yield Finding(KEY_RESERVED, at, problem, "remove it", offset)
    elif key in known or _is_comment(key):
        return
    elif read_as != key:
        problem = f"`{key}` is read as `{read_as}`: plugins ignore the case of keys, other tools do not"
        yield Finding(KEY_CASE, at, problem, f"write `{read_as}`", offset)
    elif key in schema.get("shadowed", ()):
        meant = schema["shadowed"][key]
        problem = f"{reader.name} reads `{key}` into a field of its own, and not as `{meant}`"
        yield Finding(KEY_MISSPELT, at, problem, f"write `{meant}`", offset)
    else:
        yield _unread(member, node, at, schema, reader)


def _unread(member: Member, node: Node, at: Path, schema: Schema, reader: Reader) -> Finding:
    problem = f"{reader.name} does not read `{member.key}`"
    if member.key in reader.instead:
        problem = f"{problem}: it has no effect"
        return Finding(KEY_UNKNOWN, at, problem, _instead(member, node, reader), member.start)
    aliases = {**_ALIASES, **reader.aliases, **schema.get("aliases", {})}
    meant = _meant(member.key, list(schema["properties"]), aliases)
    move = (
        None if meant and _is_certain(member.key, meant, aliases) else _move(member.key, node, schema, reader)
    )
    if meant and not move:
        return Finding(KEY_MISSPELT, at, problem, f"did you mean `{meant}`?", member.start)
    return Finding(KEY_UNKNOWN, at, f"{problem}: it has no effect", move or "remove it", member.start)


def _instead(member: Member, node: Node, reader: Reader) -> str:
    """What to do instead, with the author's own VLAN and interface where they are usable."""
    value, master = str(member.node.value), node.value.get("master")
    is_vlan = value.isascii() and value.isdigit() and len(value) <= _LONGEST_VLAN and int(value) in _VLANS
    vlan = value if is_vlan else "100"
    usable = isinstance(master, str) and names.interface_problem(f"{master}.{vlan}") is None
    return reader.instead[member.key].format(master=master if usable else "eth1", vlan=vlan)


def _is_certain(key: str, meant: str, aliases: Mapping[str, str]) -> bool:
    """Whether the key is an alias of the meant one or differs only in case and separators, and is not merely similar."""
    return aliases.get(key) == meant or suggestions.alike(key, meant)


def _move(key: str, node: Node, schema: Schema, reader: Reader) -> str | None:
    """The fix for a key that is valid elsewhere: outside of `ipam`, inside of it, or in another member or its entries."""
    main_keys = reader.main_schema.get("properties", {})
    if reader.main and not reader.main.has(key) and (key in _OF_ANY_PLUGIN or key in main_keys):
        return "move it out of `ipam`, next to the plugin's `type`"
    if key in reader.ipam.get("properties", {}) and not _has_key(node.value.get("ipam"), key):
        return "move it into `ipam`"
    for name, inner in schema["properties"].items():
        value = node.value.get(name)
        if value is not None and key in _entry(inner).get("properties", {}) and not _has_key(value, key):
            return f"move it into {'the entry of ' if 'items' in inner else ''}`{name}`"
    return None


def _entry(schema: Schema) -> Schema:
    """The schema of a list's entries at any depth; else the schema itself."""
    while "items" in schema:
        schema = schema["items"]
    return schema


def _has_key(value: Any, key: str) -> bool:
    """Whether an object has the key, or the first entry of a list; the other entries are skipped to save time."""
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, Mapping) and key in value


def _meant(key: str, known: list[str], aliases: Mapping[str, str]) -> str | None:
    """The known key that is meant: by an alias, else by similarity to a key, else to an alias."""
    alias = aliases.get(key)
    if alias in known:
        return alias
    names = [word for word, meant in aliases.items() if meant in known]
    return suggestions.closest(key, known) or aliases.get(suggestions.closest(key, names) or "")


def _is_comment(key: str) -> bool:
    """Keys that serve as comments, and keys with a domain, which other tools own."""
    return key.startswith(("_", "#", "//", "$", "x-")) or key in {"comment", "description"} or "/" in key
