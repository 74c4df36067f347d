"""Fuzz target: any text as spec.config; compares the JSON parser with Python's and checks the findings of the validator."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from fuzz import properties
from netattach_core import admission
from netattach_core.api.nad import Nad
from netattach_core.policy import networks
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import AllowLists, Level
from netattach_core.text import json_document

_INVALID = object()
_MAX_MESSAGE = 300
_POLICIES = (
    NamespacePolicy("lab", enforce=Level.BASELINE),
    NamespacePolicy(
        "lab", enforce=Level.RESTRICTED, allowed=AllowLists(("macvlan",), ("static",), ("eth1",), ("br*",))
    ),
)


def one_input(data: bytes) -> None:
    text = properties.text_of(data)
    _compare_with_standard_library(text)
    nodes = properties.NODES if len(data) % 2 else ()
    body = {"metadata": {"namespace": "lab", "name": "net"}, "spec": {"config": text}}
    properties.check_findings(admission.validate_nad(body, None, nodes), text)
    for policy in _POLICIES:
        properties.check_findings(networks.check(Nad("lab", "net", text), policy, Surroundings(nodes)), text)


def _compare_with_standard_library(text: str) -> None:
    expected = _standard(text)
    try:
        root = json_document.parse(text)
    except json_document.JsonTextError as error:
        _check_error(error, text, expected)
        return
    # Compared as text, since 1, 1.0 and true are equal in Python.
    assert repr(expected) == repr(root.value) == repr(json_document.value(text))
    _check_offsets(root, text)
    _check_edits(root, text)


def _check_error(error: json_document.JsonTextError, text: str, expected: Any) -> None:
    assert 0 < len(error.problem) <= _MAX_MESSAGE, error.problem
    assert 0 < len(error.fix) <= _MAX_MESSAGE, error.fix
    assert 0 <= error.offset <= len(text), error.offset
    assert expected is _INVALID or _exceeds_limits(text, expected), error.problem


def _standard(text: str) -> Any:
    """The result of a strict json.loads; of duplicate keys the last one counts, as in netattach."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return _INVALID


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


def _exceeds_limits(text: str, value: Any) -> bool:
    """Whether it is valid JSON that the parser refuses for its depth or for the length of a number."""
    level = [value]
    for _ in range(json_document.MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(value, dict | list) for value in level) or bool(re.search(r"[-+.eE0-9]{301}", text))


def _check_offsets(node: json_document.Node, text: str) -> None:
    assert repr(node.value) == repr(json.loads(text[node.start : node.end]))
    for member in node.members:
        assert text[member.start] == '"'
        _check_offsets(member.node, text)
    for item in node.items:
        _check_offsets(item, text)


def _check_edits(root: json_document.Node, text: str) -> None:
    assert root.value == json.loads(json_document.integral_numbers(text))
    if isinstance(root.value, dict):
        edited = json.loads(json_document.with_members(text, {"name": '"set"', "type": None}))
        others = {key: value for key, value in root.value.items() if key not in {"name", "type"}}
        assert {"name": "set", **others} == edited
