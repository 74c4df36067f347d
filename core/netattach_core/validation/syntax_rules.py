"""Rules for the text: `spec.config` is a string that contains one JSON object, without duplicate keys."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Path, Rule, Severity

CONFIG_NOT_TEXT = Rule(
    "config-not-text", Severity.DENY, "`spec.config` that is YAML instead of a string with JSON"
)
JSON_SYNTAX = Rule("json-syntax", Severity.DENY, "`spec.config` that is not JSON")
CONFIG_NOT_OBJECT = Rule("config-not-object", Severity.DENY, "`spec.config` that is JSON but not an object")
KEY_TWICE = Rule("key-twice", Severity.WARN, "a duplicate key in an object")

RULES = (CONFIG_NOT_TEXT, JSON_SYNTAX, CONFIG_NOT_OBJECT, KEY_TWICE)


Parsed = tuple[tuple[Finding, ...], json_document.Node | None]
"""The findings for a text, and the parsed configuration; None where it is empty (the node has a file) or not an object."""

_CACHED, _CACHED_LENGTH = 8, 32 * 1024
"""Texts, and characters of one: validator, footprint and policy read the same text, one after the other."""


def read(config: Any) -> Parsed:
    """Parses `spec.config`, of any type. Nobody changes the result."""
    if config is None or config == "":
        return (), None
    if not isinstance(config, str):
        return (_not_string(config),), None
    return _parsed(config) if len(config) <= _CACHED_LENGTH else _parsed.__wrapped__(config)


@functools.lru_cache(_CACHED)
def _parsed(config: str) -> Parsed:
    try:
        root = json_document.parse(config)
    except json_document.JsonTextError as error:
        return (Finding(JSON_SYNTAX, (), error.problem, error.fix, error.offset),), None
    if not isinstance(root.value, dict):
        return (Finding(CONFIG_NOT_OBJECT, (), *_not_object(root.value), root.start),), None
    return tuple(_duplicate_keys(root, ())), root


def _not_object(value: Any) -> tuple[str, str]:
    """Problem and fix for JSON that is not an object."""
    if isinstance(value, str) and _is_object(value):
        problem = "the configuration is quoted twice: a JSON string, and the object inside of it"
        return problem, 'take the outer quotes away, and write " for each \\"'
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return (
            "the configuration is a list, but it must be an object",
            'take the outer brackets away, or write { "plugins": [ … ] }',
        )
    problem = "the configuration is JSON but not an object, so it has no plugin"
    return problem, 'write an object: { "type": … }'


def _is_object(text: str) -> bool:
    try:
        return isinstance(json_document.shallow_value(text), dict)
    except json_document.JsonTextError:
        return False


def _not_string(config: Any) -> Finding:
    if isinstance(config, dict | list):
        problem = "`config` is YAML, but it must be a string that contains JSON; the API server refuses it"
        fix = "write `config: |` and the indented JSON below it, or put the JSON in single quotes"
    else:
        problem = f"`config` is {config!r}, but it must be a string that contains JSON"
        fix = "write `config: |` and the indented JSON below it"
    return Finding(CONFIG_NOT_TEXT, (), problem, fix)


def _duplicate_keys(node: json_document.Node, path: Path) -> Iterator[Finding]:
    """Go uses the last one."""
    seen = set[str]()
    for member in node.members:
        if member.key in seen:
            problem = f"`{member.key}` is twice in this object; only the last one is used"
            yield Finding(KEY_TWICE, (*path, member.key), problem, "remove one of the two", member.start)
        seen.add(member.key)
        if member.node.members or member.node.items:
            yield from _duplicate_keys(member.node, (*path, member.key))
    for index, item in enumerate(node.items):
        if item.members or item.items:
            yield from _duplicate_keys(item, (*path, index))
