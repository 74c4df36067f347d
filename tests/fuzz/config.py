"""Any text as spec.config: our reader beside the standard library's, and the validator with what it says."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from fuzz import properties
from netattach_core import admission
from netattach_core.text import json_document

_UNREAD = object()
_LONGEST_WORDS = 300


def one_input(data: bytes) -> None:
    text = properties.text_of(data)
    _reads_like_the_standard_library(text)
    nodes = properties.NODES if len(data) % 2 else ()
    body = {"metadata": {"namespace": "lab", "name": "net"}, "spec": {"config": text}}
    properties.sound(admission.validate_nad(body, None, nodes), text)


def _reads_like_the_standard_library(text: str) -> None:
    expected = _standard(text)
    try:
        root = json_document.parse(text)
    except json_document.JsonTextError as error:
        _is_refused_rightly(error, text, expected)
        return
    # By their texts: 1, 1.0 and true are equal and not the same.
    assert repr(expected) == repr(root.value) == repr(json_document.value(text))
    _stands_where_it_says(root, text)
    _edits_leave_the_rest(root, text)


def _is_refused_rightly(error: json_document.JsonTextError, text: str, expected: Any) -> None:
    assert 0 < len(error.problem) <= _LONGEST_WORDS, error.problem
    assert 0 < len(error.fix) <= _LONGEST_WORDS, error.fix
    assert 0 <= error.offset <= len(text), error.offset
    assert expected is _UNREAD or _beyond_our_bounds(text, expected), error.problem


def _standard(text: str) -> Any:
    """What json.loads makes of it, strictly; of two equal keys the last one counts, as for us."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return _UNREAD


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _beyond_our_bounds(text: str, value: Any) -> bool:
    """Whether it is JSON that we refuse for its depth, or for the length of a number."""
    level = [value]
    for _ in range(json_document.MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(value, dict | list) for value in level) or bool(re.search(r"[-+.eE0-9]{301}", text))


def _stands_where_it_says(node: json_document.Node, text: str) -> None:
    assert repr(node.value) == repr(json.loads(text[node.start : node.end]))
    for member in node.members:
        assert text[member.start] == '"'
        _stands_where_it_says(member.node, text)
    for item in node.items:
        _stands_where_it_says(item, text)


def _edits_leave_the_rest(root: json_document.Node, text: str) -> None:
    assert root.value == json.loads(json_document.integral_numbers(text))
    if isinstance(root.value, dict):
        edited = json.loads(json_document.with_members(text, {"name": '"set"', "type": None}))
        others = {key: value for key, value in root.value.items() if key not in {"name", "type"}}
        assert {"name": "set", **others} == edited
