"""Rule group 1, the text: `spec.config` is a text that holds one JSON object, with each key once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Path, Rule, Severity

CONFIG_NOT_TEXT = Rule("config-not-text", Severity.DENY, "spec.config is YAML, not a text with JSON in it")
JSON_SYNTAX = Rule("json-syntax", Severity.DENY, "spec.config is not JSON")
CONFIG_NOT_OBJECT = Rule("config-not-object", Severity.DENY, "spec.config is JSON, but not an object")
KEY_TWICE = Rule("key-twice", Severity.WARN, "a key that stands twice in one object")

RULES = (CONFIG_NOT_TEXT, JSON_SYNTAX, CONFIG_NOT_OBJECT, KEY_TWICE)


def read(config: Any) -> tuple[list[Finding], json_document.Node | None]:
    """The configuration as nodes; None where there is nothing (more) to validate. An empty one is found by name on the node."""
    if config is None or config == "":
        return [], None
    if not isinstance(config, str):
        return [_not_text(config)], None
    try:
        root = json_document.parse(config)
    except json_document.JsonTextError as error:
        return [Finding(JSON_SYNTAX, (), error.problem, error.fix, error.offset)], None
    if not isinstance(root.value, dict):
        problem = "the configuration is a JSON value, but not an object; no plugin can be found in it"
        return [Finding(CONFIG_NOT_OBJECT, (), problem, 'write an object: { "type": … }', root.start)], None
    return list(_keys_twice(root, ())), root


def _not_text(config: Any) -> Finding:
    if isinstance(config, dict | list):
        problem = "`config` is YAML, but it has to be one text that holds JSON; the API server does not take it otherwise"
        fix = "write `config: |` and the JSON indented below it, or put the JSON between single quotes"
    else:
        problem = f"`config` is {config!r}, but it has to be a text that holds JSON"
        fix = "write `config: |` and the JSON indented below it"
    return Finding(CONFIG_NOT_TEXT, (), problem, fix)


def _keys_twice(node: json_document.Node, path: Path) -> Iterator[Finding]:
    """Go's reader takes the last one (G2)."""
    seen = set[str]()
    for member in node.members:
        if member.key in seen:
            problem = f"`{member.key}` stands twice in this object; only the last one counts"
            yield Finding(KEY_TWICE, (*path, member.key), problem, "remove one of the two", member.start)
        seen.add(member.key)
        if member.node.members or member.node.items:
            yield from _keys_twice(member.node, (*path, member.key))
    for index, item in enumerate(node.items):
        if item.members or item.items:
            yield from _keys_twice(item, (*path, index))
