"""Rule group 1, the object around the text: what the API server refuses of it, and configurations where nobody looks for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.net import names
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Path, Rule, Severity

OBJECT_SHAPE = Rule("object-shape", Severity.DENY, "an object that the API server does not take")
CONFIG_MISPLACED = Rule("config-misplaced", Severity.WARN, "a configuration in a place where nobody reads it")

RULES = (OBJECT_SHAPE, CONFIG_MISPLACED)

_REFUSED = "the API server does not take it"
_TEXTS = ("annotations", "labels")
"""The parts of the metadata that are maps from text to text."""

_CONFIG = "config"
_LIKE_CONFIG = frozenset({_CONFIG, "Config", "conf", "cniConfig", "configuration"})


def check(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Of a NAD as it was sent; what the API server may still fill in can be missing."""
    metadata, spec = body.get("metadata"), body.get("spec")
    if isinstance(metadata, Mapping):
        yield from _metadata(metadata)
    elif metadata is not None:
        yield _no_object(("metadata",), metadata, "write `metadata:`, and below it, indented, `name: …`")
    if isinstance(spec, Mapping):
        if len(spec) > (_CONFIG in spec):
            yield from _spec(spec)
    elif spec is not None:
        yield _no_object(("spec",), spec, _fix_of_spec(spec))
    yield from _beside(body, metadata)


def _metadata(metadata: Mapping[str, Any]) -> Iterator[Finding]:
    name = metadata.get("name")
    if name is not None and not isinstance(name, str):
        yield _no_text(("metadata", "name"), name)
    elif name:
        yield from _name("name", name, name)
    elif generated := metadata.get("generateName"):
        yield from _name("generateName", str(generated), f"{generated}x")
    for part in _TEXTS:
        texts = metadata.get(part)
        if not isinstance(texts, Mapping):
            if texts is not None:
                yield _no_object(
                    ("metadata", part), texts, "write each on a line of its own, as `key: 'text'`"
                )
            continue
        for key, value in texts.items():
            if not isinstance(value, str) and value is not None:
                yield _no_text(("metadata", part, str(key)), value)


def _name(key: str, written: str, whole: str) -> Iterator[Finding]:
    if not (names.is_object_name(whole) and len(whole) <= names.MAX_OBJECT_NAME):
        problem = f"{names.shown(written)!r} is no name of an object; {_REFUSED}"
        yield Finding(OBJECT_SHAPE, ("metadata", key), problem, _fix_of_name(key, written))


def _fix_of_name(key: str, written: str) -> str:
    namespace, slash, name = written.partition("/")
    if slash and names.is_label(namespace) and names.is_object_name(name):
        return f"write `{key}: {names.shown(name)}` and, on a line of its own, `namespace: {namespace}`"
    plain = re.sub(r"[_ /]", "-", written.lower())
    if key == "name" and len(plain) <= names.MAX_OBJECT_NAME and names.is_object_name(plain):
        return f"write it in lower-case letters, digits, '-' and '.' alone: {names.shown(plain)}"
    return (
        f"write lower-case letters, digits, '-' and '.', {names.MAX_OBJECT_NAME} at most; "
        "begin and end with a letter or digit"
    )


def _no_object(path: Path, value: Any, fix: str) -> Finding:
    kind = "a list" if isinstance(value, list) else _shown(value)
    problem = f"`{path[-1]}` is {kind}, but it has to be an object; {_REFUSED} otherwise"
    return Finding(OBJECT_SHAPE, path, problem, fix)


def _no_text(path: Path, value: Any) -> Finding:
    kind = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else _shown(value)
    problem = f"`{path[-1]}` is {kind}, but it has to be a text; {_REFUSED} otherwise"
    only = value[0] if isinstance(value, list) and len(value) == 1 else None
    fix = "write one text, between quotes"
    if isinstance(only, str):
        fix = f"write the text alone: {names.shown(only)}"
    elif not isinstance(value, dict | list):
        fix = f"put it between quotes: '{_shown(value)}'"
    return Finding(OBJECT_SHAPE, path, problem, fix)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {names.shown(value)!r}"
    return names.shown(json.dumps(value, default=str))


def _fix_of_spec(spec: Any) -> str:
    if isinstance(spec, list):
        return "remove the dash before `config`"
    return "write `spec:`, and below it, indented, `config: |` with the JSON"


def _spec(spec: Mapping[str, Any]) -> Iterator[Finding]:
    """One key is said of many: who writes a whole configuration there learns as much from the first."""
    unread = [str(key) for key in spec if key != _CONFIG]
    key = next((each for each in unread if _is_like_config(each)), unread[0])
    if _CONFIG in spec:
        yield _unread(("spec", key), "remove it, or move it into the text of spec.config")
    elif _is_like_config(key):
        yield _unread(("spec", key))
    else:
        yield _unread(("spec", key), "put the configuration into spec.config, as one text of JSON")


def _is_like_config(key: str) -> bool:
    return key in _LIKE_CONFIG or suggestions.closest(key, (_CONFIG,)) is not None


def _beside(body: Mapping[str, Any], metadata: Any) -> Iterator[Finding]:
    """Beside `spec`, in the metadata, and where a ConfigMap has it."""
    for place, value in (((), body), (("metadata",), metadata), (("data",), body.get("data"))):
        if isinstance(value, Mapping) and not _LIKE_CONFIG.isdisjoint(value):
            yield _unread((*place, min(_LIKE_CONFIG & value.keys())))


def _unread(path: Path, fix: str = "did you mean spec.config?") -> Finding:
    problem = f"nobody reads `{'.'.join(map(str, path))}`: kubectl refuses it, or the API server drops it"
    return Finding(CONFIG_MISPLACED, path, problem, fix)
