"""Parts of an object of any shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netattach_core.text.finding import Path


def value_at(body: Any, path: Path) -> Any:
    """The value at a path, or None."""
    for key in path:
        if isinstance(body, Mapping):
            body = body.get(key)
        elif isinstance(body, list) and isinstance(key, int) and key < len(body):
            body = body[key]
        else:
            return None
    return body


def mapping_at(body: Any, *path: str | int) -> Mapping[Any, Any]:
    """The map at a path; empty where there is none."""
    found = value_at(body, path)
    return found if isinstance(found, Mapping) else {}


def list_at(body: Any, *path: str | int) -> list[Any]:
    """The list at a path; empty where there is none."""
    found = value_at(body, path)
    return found if isinstance(found, list) else []


def text_at(body: Any, *path: str | int) -> str:
    """The string at a path; "" where there is none."""
    found = value_at(body, path)
    return found if isinstance(found, str) else ""


def group_of(body: Mapping[str, Any]) -> str:
    """The API group in `apiVersion`; that of the core is "v1" here, and a missing one ""."""
    return str(body.get("apiVersion") or "").partition("/")[0]
