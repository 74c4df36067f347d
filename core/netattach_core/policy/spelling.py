"""Rule group 2, the keys: those that no plugin reads, and those that are read in spite of their case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.finding import Finding, Path, Rule, Severity
from netattach_core.json_text import Node
from netattach_core.plugins import words
from netattach_core.policy.reading import NO_SCHEMA, spellings

KEY_MISSPELT = Rule("key-misspelt", Severity.WARN, "a key that is not read and looks like one that is")
KEY_UNKNOWN = Rule("key-unknown", Severity.WARN, "a key that the plugin does not read")
KEY_CASE = Rule("key-case", Severity.WARN, "a key whose capital letters are not the plugin's")
KEY_RESERVED = Rule("key-reserved", Severity.WARN, "a key that belongs to the runtime")

RULES = (KEY_MISSPELT, KEY_UNKNOWN, KEY_CASE, KEY_RESERVED)

_RESERVED = {"runtimeConfig", "prevResult"}


def check(
    node: Node, path: Path, schema: Mapping[str, Any], aliases: Mapping[str, str], reader: str
) -> Iterator[Finding]:
    """The keys of an object, and of all objects in it whose keys the schema lists; not all of them where it is `open`."""
    properties = schema.get("properties", {})
    if not (node.members and properties) and not (node.items and "items" in schema):
        return
    spelling, known = spellings(schema), list(properties)
    for member in node.members:
        if member.key in properties and member.key not in _RESERVED:
            continue
        meant = {**aliases, **schema.get("aliases", {})}
        for finding in _key(member.key, member.start, path, known, spelling, meant, reader):
            if not (schema.get("open") and finding.rule is KEY_UNKNOWN):
                yield finding
    for member in node.members:
        if member.node.members or member.node.items:
            inner = properties.get(spelling.get(member.key.casefold(), member.key), NO_SCHEMA)
            yield from check(member.node, (*path, member.key), inner, aliases, reader)
    for index, item in enumerate(node.items):
        yield from check(item, (*path, index), schema.get("items", NO_SCHEMA), aliases, reader)


def _key(
    key: str,
    offset: int,
    path: Path,
    known: list[str],
    spelling: Mapping[str, str],
    aliases: Mapping[str, str],
    reader: str,
) -> Iterator[Finding]:
    at = (*path, key)
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
        meant = _meant(key, known, aliases)
        if meant:
            yield Finding(
                KEY_MISSPELT, at, f"{reader} does not read `{key}`", f"did you mean `{meant}`?", offset
            )
        else:
            yield Finding(
                KEY_UNKNOWN, at, f"{reader} does not read `{key}`: it has no effect", "remove it", offset
            )


def _meant(key: str, known: list[str], aliases: Mapping[str, str]) -> str | None:
    """The key itself may be among the aliases, or look like one of the keys, or else like one of the aliases."""
    alias = aliases.get(key)
    if alias in known:
        return alias
    leading = [word for word, meant in aliases.items() if meant in known]
    return words.closest(key, known) or aliases.get(words.closest(key, leading) or "")


def _is_comment(key: str) -> bool:
    """What people write where JSON has no comments, and names with a domain, which are somebody's own."""
    return key.startswith(("_", "#", "//", "$", "x-")) or key in {"comment", "description"} or "/" in key
