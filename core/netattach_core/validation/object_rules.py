"""Rules for the object around the configuration: what the API server refuses, and configurations in the wrong place."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, NODE_SELECTOR, PROTECT, RESOURCE_NAME
from netattach_core.net import names
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Path, Rule, Severity

OBJECT_SHAPE = Rule("object-shape", Severity.DENY, "an object that the API server refuses")
CONFIG_MISPLACED = Rule("config-misplaced", Severity.WARN, "a configuration in a place where it is not read")

ANNOTATION_MISSPELT = Rule(
    "annotation-misspelt",
    Severity.WARN,
    "an annotation of networks that is misspelt, or not among the annotations",
)

RULES = (OBJECT_SHAPE, CONFIG_MISPLACED, ANNOTATION_MISSPELT)

_REJECTED = "the API server refuses it"
_MAX_LABEL = 63
_STRING_MAPS = ("annotations", "labels")
"""The parts of the metadata that map strings to strings."""

_OUR_ANNOTATIONS = (RESOURCE_NAME, ALLOW_DEFAULT_INTERFACE, NODE_SELECTOR, PROTECT)
_DOMAINS = ("cncf.io", "netattach.io")
"""Ends of the prefixes of annotations that may be meant for ours; another one belongs to somebody else."""

_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
"""The name in the key of a label or annotation, and the value of a label (Kubernetes, "Labels and Selectors")."""

_MAX_KEYS, _MAX_FINDINGS = 1000, 20
"""Labels and annotations of an object that are looked at, and findings in them: there is room for tens of thousands of labels."""

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
    yield from _namespace(metadata.get("namespace"))
    yield from itertools.islice(_annotation_names(metadata), _MAX_FINDINGS)
    for part in _STRING_MAPS:
        yield from itertools.islice(_string_map(part, metadata.get(part)), _MAX_FINDINGS)


def _string_map(part: str, texts: Any) -> Iterator[Finding]:
    """Of `labels` or `annotations`."""
    if not isinstance(texts, Mapping):
        if texts is not None:
            yield _not_object(("metadata", part), texts, "write each on a separate line: `key: 'value'`")
        return
    for key, value in itertools.islice(texts.items(), _MAX_KEYS):
        if not isinstance(value, str) and value is not None:
            yield _not_string(("metadata", part, str(key)), value)
        elif problem := _bad_entry(part, str(key), value or ""):
            fix = "use letters, digits, '-', '_' and '.', at most 63 characters; begin and end with a letter or digit"
            yield Finding(OBJECT_SHAPE, ("metadata", part, str(key)), f"{problem}; {_REJECTED}", fix)


def _namespace(namespace: Any) -> Iterator[Finding]:
    path = ("metadata", "namespace")
    if namespace is not None and not isinstance(namespace, str):
        yield _not_string(path, namespace)
    elif namespace and not (names.is_label(namespace) and len(namespace) <= _MAX_LABEL):
        problem = f"{names.shown(namespace)!r} is not a valid name of a namespace; {_REJECTED}"
        plain = re.sub(r"[_ ./]", "-", namespace.lower())
        fix = f"use lower-case letters, digits and '-', at most {_MAX_LABEL} characters"
        if names.is_label(plain) and len(plain) <= _MAX_LABEL:
            fix = f"use only lower-case letters, digits and '-': {plain}"
        yield Finding(OBJECT_SHAPE, path, problem, fix)


def _bad_entry(part: str, key: str, value: str) -> str:
    """What is wrong with the key of a label or annotation, or with the value of a label; "" where nothing is."""
    prefix, _, name = key.rpartition("/")
    if not (_QUALIFIED.fullmatch(name) and (not prefix or names.is_object_name(prefix.lower()))):
        return f"{names.shown(key)!r} is not a valid key of {part}"
    if part == "labels" and value and not _QUALIFIED.fullmatch(value):
        return f"{names.shown(value)!r} is not a valid value of a label"
    return ""


def _annotation_names(metadata: Mapping[str, Any]) -> Iterator[Finding]:
    """Annotations that nobody reads, since they are misspelt, or are one level too high or among the labels."""
    annotations = metadata.get("annotations")
    places = (("annotations", annotations), ("labels", metadata.get("labels")), ("", metadata))
    for place, keys in places:
        for key in itertools.islice(keys if isinstance(keys, Mapping) else (), _MAX_KEYS):
            meant = _meant_annotation(str(key))
            if meant is None or (place == "annotations" and meant == key):
                continue
            path = ("metadata", *((place,) if place else ()), str(key))
            missing = not (isinstance(annotations, Mapping) and meant in annotations)
            fix = f"write {meant} below `annotations:`" if missing else f"remove it: there is {meant}, too"
            problem = f"`{names.shown(str(key))}` is not read as the annotation {meant}"
            yield Finding(ANNOTATION_MISSPELT, path, problem, fix)


def _meant_annotation(key: str) -> str | None:
    """Our annotation that a key is, or most likely is meant to be."""
    if key in _OUR_ANNOTATIONS:
        return key
    prefix, _, name = key.rpartition("/")
    if not prefix:
        return RESOURCE_NAME if suggestions.alike(name, "resourceName") else None
    domain = next((each for each in _DOMAINS if prefix.lower().endswith(each)), None)
    ours = (each for each in _OUR_ANNOTATIONS if domain and each.partition("/")[0].endswith(domain))
    return next((each for each in ours if suggestions.closest(name, (each.rpartition("/")[2],))), None)


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
