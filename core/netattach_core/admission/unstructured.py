"""Access to objects from the API server, in which any part may be missing or malformed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from netattach_core.api.objects import Key
from netattach_core.text.lists import and_more

JsonObject = Mapping[str, Any]
"""An object of the API or a part of it, read only; `api.objects.Body` is one that may be changed."""

_NAMED = 3


def mapping(body: Any, *keys: str) -> JsonObject:
    """The object at a path of keys; empty where there is none."""
    for key in keys:
        body = body.get(key) if isinstance(body, Mapping) else None
    return body if isinstance(body, Mapping) else {}


def annotations_of(body: JsonObject) -> Mapping[str, str]:
    """The annotations of an object, values of another type as strings; empty where there are none."""
    return {str(key): str(value) for key, value in mapping(body, "metadata", "annotations").items()}


def is_being_deleted(body: JsonObject) -> bool:
    """Whether it is being deleted: the finalizers of a pod must be removable, whatever is wrong with it."""
    return bool(mapping(body, "metadata").get("deletionTimestamp"))


def list_names(keys: Iterable[Key], namespace: str) -> str:
    """`namespace/name` of the first objects in a namespace, and how many others there are.

    Objects in other namespaces are only counted: who may write in one namespace does not learn names of another.
    """
    keys = list(keys)
    own = [key for key in keys if key[0] == namespace]
    named = and_more(("/".join(key) for key in own), _NAMED)
    elsewhere = f"{len(keys) - len(own)} in other namespaces" if len(own) < len(keys) else ""
    return ", ".join(filter(None, (named, elsewhere)))
