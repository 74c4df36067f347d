"""Fields of objects whose authors are not trusted: each has the expected type, whatever the object has.

The schema of a custom resource may be another release's, or upstream's, and annotations are anybody's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netattach_core.api.objects import Body

_NOTHING: Mapping[str, Any] = {}


def at(body: Any, *path: str) -> Any:
    """The value at a path of keys; None where there is none."""
    for key in path:
        if not isinstance(body, Mapping):
            return None
        body = body.get(key)
    return body


def text(body: Any, *path: str) -> str:
    found = at(body, *path)
    return found if isinstance(found, str) else ""


def number(body: Any, *path: str) -> int:
    found = at(body, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def mapping(body: Any, *path: str) -> Mapping[str, Any]:
    found = at(body, *path)
    return found if isinstance(found, Mapping) else _NOTHING


def items(body: Any, *path: str) -> list[Mapping[str, Any]]:
    """The objects in a list."""
    found = at(body, *path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def texts(body: Any, *path: str) -> list[str]:
    """The strings in a list."""
    found = at(body, *path)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def annotations_of(body: Any) -> dict[str, str]:
    found = mapping(body, "metadata", "annotations")
    return {key: value for key, value in found.items() if isinstance(value, str)}


def name(body: Any) -> str:
    return text(body, "metadata", "name")


def namespace(body: Any) -> str:
    return text(body, "metadata", "namespace")


def full_name(body: Any) -> str:
    return f"{namespace(body)}/{name(body)}"


def condition(body: Any, type_: str) -> Mapping[str, Any]:
    """The condition of a type in the status; empty where there is none."""
    found = items(body, "status", "conditions")
    return next((each for each in found if each.get("type") == type_), _NOTHING)


def is_ready_pod(body: Body) -> bool:
    """Ready, and not being deleted."""
    return text(condition(body, "Ready"), "status") == "True" and not text(
        body, "metadata", "deletionTimestamp"
    )
