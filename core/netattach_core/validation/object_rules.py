"""Rules for the object around the configuration: what the API server refuses, and configurations in the wrong place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.net import names
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Path, Rule, Severity

OBJECT_SHAPE = Rule("object-shape", Severity.DENY, "an object that the API server refuses")
CONFIG_MISPLACED = Rule("config-misplaced", Severity.WARN, "a configuration in a place where it is not read")

RULES = (OBJECT_SHAPE, CONFIG_MISPLACED)

_REJECTED = "the API server refuses it"
_STRING_MAPS = ("annotations", "labels")
"""The parts of the metadata that map strings to strings."""

_CONFIG = "config"
_LIKE_CONFIG = frozenset({_CONFIG, "Config", "conf", "cniConfig", "configuration"})


def check(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Validates a NAD as it was sent; fields that the API server fills in may be missing."""
    metadata, spec = body.get("metadata"), body.get("spec")
    if isinstance(metadata, Mapping):
        yield from _metadata(metadata)
    elif metadata is not None:
        yield _not_object(("metadata",), metadata, "write `metadata:`, and below it, indented, `name: …`")
    if isinstance(spec, Mapping):
        if len(spec) > (_CONFIG in spec):
            yield from _spec(spec)
    elif spec is not None:
        yield _not_object(("spec",), spec, _fix_of_spec(spec))
    yield from _misplaced(body, metadata)


def _metadata(metadata: Mapping[str, Any]) -> Iterator[Finding]:
    name = metadata.get("name")
    if name is not None and not isinstance(name, str):
        yield _not_string(("metadata", "name"), name)
    elif name:
        yield from _name("name", name, name)
    elif generated := metadata.get("generateName"):
        yield from _name("generateName", str(generated), f"{generated}x")
    for part in _STRING_MAPS:
        texts = metadata.get(part)
        if not isinstance(texts, Mapping):
            if texts is not None:
                yield _not_object(("metadata", part), texts, "write each on a separate line: `key: 'value'`")
            continue
        for key, value in texts.items():
            if not isinstance(value, str) and value is not None:
                yield _not_string(("metadata", part, str(key)), value)


def _name(key: str, written: str, full: str) -> Iterator[Finding]:
    if not (names.is_object_name(full) and len(full) <= names.MAX_OBJECT_NAME):
        problem = f"{names.shown(written)!r} is not a valid object name; {_REJECTED}"
        yield Finding(OBJECT_SHAPE, ("metadata", key), problem, _fix_of_name(key, written))


def _fix_of_name(key: str, written: str) -> str:
    namespace, slash, name = written.partition("/")
    if slash and names.is_label(namespace) and names.is_object_name(name):
        return f"write `{key}: {names.shown(name)}` and, on a separate line, `namespace: {namespace}`"
    plain = re.sub(r"[_ /]", "-", written.lower())
    if key == "name" and len(plain) <= names.MAX_OBJECT_NAME and names.is_object_name(plain):
        return f"use only lower-case letters, digits, '-' and '.': {names.shown(plain)}"
    return (
        f"use lower-case letters, digits, '-' and '.', at most {names.MAX_OBJECT_NAME} characters; "
        "begin and end with a letter or digit"
    )


def _not_object(path: Path, value: Any, fix: str) -> Finding:
    kind = "a list" if isinstance(value, list) else _shown(value)
    problem = f"`{path[-1]}` is {kind}, but it must be an object; {_REJECTED}"
    return Finding(OBJECT_SHAPE, path, problem, fix)


def _not_string(path: Path, value: Any) -> Finding:
    kind = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else _shown(value)
    problem = f"`{path[-1]}` is {kind}, but it must be a string; {_REJECTED}"
    only = value[0] if isinstance(value, list) and len(value) == 1 else None
    fix = "write one string in quotes"
    if isinstance(only, str):
        fix = f"write only the string: {names.shown(only)}"
    elif not isinstance(value, dict | list):
        fix = f"put it in quotes: '{_shown(value)}'"
    return Finding(OBJECT_SHAPE, path, problem, fix)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"the string {names.shown(value)!r}"
    return names.shown(json.dumps(value, default=str))


def _fix_of_spec(spec: Any) -> str:
    if isinstance(spec, list):
        return "remove the dash before `config`"
    return "write `spec:`, and below it, indented, `config: |` with the JSON"


def _spec(spec: Mapping[str, Any]) -> Iterator[Finding]:
    """Reports a single key: for a complete configuration in `spec`, one finding says as much as many."""
    unread = [str(key) for key in spec if key != _CONFIG]
    key = next((each for each in unread if _is_like_config(each)), unread[0])
    if _CONFIG in spec:
        yield _unread(("spec", key), "remove it, or move it into the JSON of spec.config")
    elif _is_like_config(key):
        yield _unread(("spec", key))
    else:
        yield _unread(("spec", key), "move the configuration into spec.config, as a JSON string")


def _is_like_config(key: str) -> bool:
    return key in _LIKE_CONFIG or suggestions.closest(key, (_CONFIG,)) is not None


def _misplaced(body: Mapping[str, Any], metadata: Any) -> Iterator[Finding]:
    """A configuration next to `spec`, in the metadata, or in `data` as in a ConfigMap."""
    for place, value in (((), body), (("metadata",), metadata), (("data",), body.get("data"))):
        if isinstance(value, Mapping) and not _LIKE_CONFIG.isdisjoint(value):
            yield _unread((*place, min(_LIKE_CONFIG & value.keys())))


def _unread(path: Path, fix: str = "did you mean spec.config?") -> Finding:
    problem = f"`{'.'.join(map(str, path))}` is not read: kubectl refuses it, or the API server removes it"
    return Finding(CONFIG_MISPLACED, path, problem, fix)
