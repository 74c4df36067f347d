"""Access to objects of the API, as JSON, in which any part may be missing or malformed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]
"""An object of the API, or a part of it."""


def value(body: object, *path: str | int) -> Any:
    """The value at a path of an object; None if there is none."""
    for key in path:
        if isinstance(key, int):
            body = body[key] if isinstance(body, list) and key < len(body) else None
        else:
            body = body.get(key) if isinstance(body, Mapping) else None
    return body


def listed(body: object, *path: str | int) -> list[Any]:
    """The list at a path; empty if there is none."""
    found = value(body, *path)
    return found if isinstance(found, list) else []


def of_kind(objects: Sequence[Object], kind: str) -> list[Object]:
    """The objects of a kind, whatever its API version."""
    return [each for each in objects if each.get("kind") == kind]


def full_name(body: Object) -> str:
    """`namespace/name`, or the name alone."""
    namespace, name = value(body, "metadata", "namespace"), value(body, "metadata", "name")
    return "/".join(str(part) for part in (namespace, name) if part)


def containers(workload: Object) -> list[Object]:
    """Those of its pods."""
    return listed(workload, "spec", "template", "spec", "containers")


def command_line(container: Object) -> str:
    """The command and its arguments, separated by spaces; "" where the image has them."""
    words = [*listed(container, "command"), *listed(container, "args")]
    return " ".join(str(word) for word in words)
