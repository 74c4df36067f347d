"""Values and texts without secrets: passwords, keys and tokens by the names of their keys, and users in addresses.

Too much is left out rather than too little: a text that is no JSON has no end of a value that is certain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "(redacted)"

LONGEST = 32 * 1024
"""Characters of a text."""

_DEEPEST = 60
"""Values in values, and JSON in strings of JSON; also far from Python's own limit."""

_WORDS = (
    r"(?:pass(?!thr|ed|ive)|pwd|psk|cak|token|secret|credential|private|auth|pre_?shared|"
    r"(?:api|client|access|shared|signing|encryption)[_-]?key)"
)
_SENSITIVE = re.compile(_WORDS, re.IGNORECASE)
_FLAG = re.compile(r"--?[\w.-]{1,100}")

BEFORE_VALUE = (
    f"(?:{_WORDS}"
    r"""[\w.-]{0,40}\\{0,8}["']?\s{0,8}[:=][ \t]{0,200}"""
    rf"|(?<![\w-])--?[\w.-]{{0,40}}?{_WORDS}[\w.-]{{0,40}}[ \t]{{1,8}})"
)
"""A key or an option up to its value. Each repetition is limited: it is tried at each character of a text."""

_VALUE = r"""(?:\\{0,8}"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|[\[{|>\s].*|[^\r\n]+)"""
"""To the end of the line, unless it is a string. Of a string without its end, a list, an object or a block of YAML, all that
follows: it is broken, or of several lines.
"""

_SECRET = re.compile(f"({BEFORE_VALUE}){_VALUE}", re.IGNORECASE | re.DOTALL)
ADDRESS = re.compile(r"://[^\s\"]+")
"""Its repetition is at its end, so it matches wherever it begins, and no text is read twice."""


def text(value: str, depth: int = 0) -> str:
    """Without values of keys that sound secret and without users in addresses; limited."""
    limited = value[:LONGEST]
    found = _json(limited)
    if found is not None:
        return json.dumps(tree(found, depth + 1), ensure_ascii=False)[:LONGEST]
    return ADDRESS.sub(_without_user, _SECRET.sub(rf'\1"{REDACTED}"', limited))[:LONGEST]


def tree(value: Any, depth: int = 0) -> Any:
    """The same of all texts in a value of JSON."""
    if depth > _DEEPEST:
        return REDACTED
    if isinstance(value, str):
        return text(value, depth)
    if isinstance(value, Mapping):
        names = [value.get("name"), value.get("key")]
        named = any(isinstance(each, str) and _SENSITIVE.search(each) for each in names)
        return {
            str(key): REDACTED
            if _SENSITIVE.search(str(key)) or (named and key == "value")
            else tree(each, depth + 1)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return _items(value, depth)
    return value


def _items(values: list[Any], depth: int) -> list[Any]:
    """In a list of arguments the value of an option may be the next item."""
    before = ["", *values]
    return [
        REDACTED if _is_sensitive_flag(previous) else tree(each, depth + 1)
        for previous, each in zip(before, values, strict=False)
    ]


def _is_sensitive_flag(value: Any) -> bool:
    return isinstance(value, str) and bool(_FLAG.fullmatch(value)) and bool(_SENSITIVE.search(value))


def _json(value: str) -> Any:
    """The object, list or string that a text is in JSON; None for all other texts."""
    if not value.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list | str) else None


def _without_user(found: re.Match[str]) -> str:
    """Up to the last @: a password may have one too."""
    _, at, host = found[0].rpartition("@")
    return f"://{REDACTED}@{host}" if at else found[0]
