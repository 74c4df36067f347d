"""The right form of a value of the wrong type: what its author most likely means, in the author's own values.

`"ranges": {"subnet": …}` means a list of one set with one range, `"vlanTrunk": "100-200"` a list with one range of VLANs. A fix
that shows the whole form is better than one that says "put it in brackets", which leads to the next refusal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]

_LONGEST = 240
"""Characters of a form that a message shows."""

_RANGE = re.compile(r"\s*([0-9]{1,5})\s*(?:-|\.\.+|:|to)\s*([0-9]{1,5})\s*")
_NUMBER = re.compile(r"-?[0-9]{1,9}")


class _UnknownError(ValueError):
    """No right form is known."""


def text_of(value: Any, schema: Schema, key: str = "") -> str | None:
    """The right form as JSON, with its key where there is one; None where it is unknown, or too long for a message."""
    try:
        form = _form(value, schema)
    except _UnknownError:
        return None
    text = json.dumps(form, ensure_ascii=False)
    if form == value or len(text) > _LONGEST:
        return None
    return f'"{key}": {text}' if key else text


def _form(value: Any, schema: Schema) -> Any:
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), None) if isinstance(kind, list) else kind
    return _FORMS.get(str(kind), _unknown)(value, schema)


def _list(value: Any, schema: Schema) -> list[Any]:
    if "items" not in schema or value in (None, "") or value == {}:
        raise _UnknownError
    items = value if isinstance(value, list) else _split(value)
    if not items:
        raise _UnknownError
    return [_form(item, schema["items"]) for item in items]


def _split(value: Any) -> list[Any]:
    """The entries that an author wrote as one string with commas, or the only entry."""
    if not isinstance(value, str):
        return [value]
    return [part.strip() for part in value.split(",") if part.strip()]


def _object(value: Any, schema: Schema) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int) or "fromText" not in schema:
        raise _UnknownError
    found = _RANGE.fullmatch(str(value)) if "fromRange" in schema else None
    if found:
        low, high = schema["fromRange"]
        return {low: int(found[1]), high: int(found[2])}
    key = schema["fromText"]
    return {key: _form(value, schema["properties"][key])}


def _string(value: Any, _: Schema) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _UnknownError
    return str(value)


def _integer(value: Any, _: Schema) -> int:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _UnknownError
    return value


def _unknown(_value: Any, _: Schema) -> Any:
    raise _UnknownError


_FORMS: dict[str, Callable[[Any, Schema], Any]] = {
    "array": _list,
    "object": _object,
    "string": _string,
    "integer": _integer,
}
