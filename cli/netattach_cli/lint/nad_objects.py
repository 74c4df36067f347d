"""Objects that are NADs, or misspelt ones, and mistakes in them that the API server refuses before it calls a webhook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.api.nad import API_VERSION, KIND
from netattach_core.net.names import shown
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding
from netattach_core.validation.object_rules import OBJECT_SHAPE


def is_nad(kind: str) -> bool:
    """Whether this is NetworkAttachmentDefinition or a misspelling of it, and not another kind such as MultiNetworkPolicy."""
    return kind == KIND or suggestions.closest(kind, (KIND,)) is not None


def check(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Mistakes in kind, API version and name. The validator does not check them: at admission they are right."""
    kind, version, metadata = body.get("kind"), body.get("apiVersion"), body.get("metadata") or {}
    if kind != KIND:
        problem = f"the API server has no kind `{kind}`"
        yield Finding(OBJECT_SHAPE, ("kind",), problem, f"did you mean `{KIND}`?")
    if version not in (API_VERSION, None):
        problem = f"the API server has no {KIND} in `{shown(str(version))}`"
        yield Finding(OBJECT_SHAPE, ("apiVersion",), problem, f"did you mean `{API_VERSION}`?")
    if isinstance(metadata, Mapping) and not (metadata.get("name") or metadata.get("generateName")):
        problem = "the object has no name; the API server rejects it"
        yield Finding(OBJECT_SHAPE, ("metadata", "name"), problem, "write `name: …` below `metadata:`")
