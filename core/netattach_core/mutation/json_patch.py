"""Operations of a JSON Patch (RFC 6902), as a mutating webhook returns them."""

from __future__ import annotations

from typing import Any

Operation = dict[str, Any]
"""`op`, `path` and `value`."""


def add(value: Any, *path: str | int) -> Operation:
    """Sets the member at the path, whose parent exists; an existing value is replaced."""
    return {"op": "add", "path": "".join(f"/{_escaped(part)}" for part in path), "value": value}


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
