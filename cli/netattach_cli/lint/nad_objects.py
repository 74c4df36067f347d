"""Objects that are NADs, or misspelt ones, and mistakes in them that the API server refuses before it calls a webhook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.api.nad import API_VERSION, KIND
from netattach_core.net.names import shown
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.object_rules import OBJECT_SHAPE


def is_nad(kind: str) -> bool:
    """Whether this is NetworkAttachmentDefinition or a misspelling of it, and not another kind such as MultiNetworkPolicy."""
    return kind == KIND or suggestions.closest(kind, (KIND,)) is not None


def is_nad_without_kind(body: Mapping[str, Any]) -> bool:
    """Whether an object without a kind is a NAD: by its API version, or by a configuration in its spec."""
    spec = body.get("spec")
    config = spec.get("config") if isinstance(spec, Mapping) else None
    looks_like_one = isinstance(config, str) and config.lstrip().startswith("{") and "metadata" in body
    return body.get("kind") is None and (body.get("apiVersion") == API_VERSION or looks_like_one)


def check(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Mistakes in kind, API version and name. The validator does not check them: at admission they are right."""
    kind, version, metadata = body.get("kind"), body.get("apiVersion"), body.get("metadata") or {}
    if kind is None:
        yield _missing("kind", KIND)
    elif kind != KIND:
        problem = f"the API server has no kind `{kind}`"
        yield Finding(OBJECT_SHAPE, ("kind",), problem, f"did you mean `{KIND}`?")
    if version is None:
        yield _missing("apiVersion", API_VERSION)
    elif version != API_VERSION:
        problem = f"the API server has no {KIND} in `{shown(str(version))}`"
        yield Finding(OBJECT_SHAPE, ("apiVersion",), problem, f"did you mean `{API_VERSION}`?")
    if isinstance(metadata, Mapping) and not (metadata.get("name") or metadata.get("generateName")):
        problem = "the object has no name; the API server rejects it"
        yield Finding(OBJECT_SHAPE, ("metadata", "name"), problem, "write `name: …` below `metadata:`")


def _missing(key: str, value: str) -> Finding:
    """Only a warning, since the tool that applies the file may add it."""
    problem = f"the object has no `{key}`; kubectl refuses it"
    return Finding(OBJECT_SHAPE, (key,), problem, f"write `{key}: {value}`", severity=Severity.WARN)
