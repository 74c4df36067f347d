"""A JSON Patch (RFC 6902) applied, as an API server applies that of a mutating webhook; only the operation `add`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any


def applied(body: Mapping[str, Any], operations: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The patched copy of an object."""
    after: dict[str, Any] = copy.deepcopy(dict(body))
    for operation in operations:
        assert {"op", "path", "value"} == operation.keys()
        assert "add" == operation["op"]
        *parents, last = [
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
        ]
        place: Any = after
        for part in parents:
            place = place[int(part)] if isinstance(place, list) else place[part]
        assert isinstance(place, dict)
        place[last] = copy.deepcopy(operation["value"])
    return after
