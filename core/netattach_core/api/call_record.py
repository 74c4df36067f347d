"""What a daemon records of an ADD, in an annotation of the Event about it: where the time went, and which plugins failed how.

The Event is written anyway, so the record costs no request; `netattach explain` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

ANNOTATION = "netattach.io/call"

LONGEST = 4096
"""Characters that are written and read; most records have a few hundred."""

_MOST = 20
"""Networks, and failures, of one record."""

LONGEST_NAME = 320
"""Characters of a name, as that of a plugin, which are those of a configuration."""


@dataclass(frozen=True, slots=True)
class FailedPlugin:
    """A plugin that failed; `code` is the one that it returned, 0 without one."""

    network: str
    interface: str
    plugin: str
    code: int = 0


@dataclass(frozen=True, slots=True)
class CallRecord:
    """An ADD. `code` is that of its CNI error, 0 where it succeeded; `phases` and `networks` have milliseconds by name."""

    container: str = ""
    code: int = 0
    milliseconds: float = 0.0
    phases: Mapping[str, float] = field(default_factory=dict)
    networks: Mapping[str, float] = field(default_factory=dict)
    failures: Sequence[FailedPlugin] = ()


def to_text(record: CallRecord) -> str:
    """As JSON in one line; of many networks and failures the first ones, as many as there is room for."""
    text = _json(record)
    while len(text) > LONGEST:
        record = _shorter(record)
        text = _json(record)
    return text


def _shorter(record: CallRecord) -> CallRecord:
    """Without the networks, else with half of the failures, else without phases: the rest always fits."""
    if record.networks:
        return replace(record, networks={})
    if record.failures:
        failures = record.failures[:_MOST]
        return replace(record, failures=failures[: len(failures) // 2])
    return replace(record, phases={})


def _json(record: CallRecord) -> str:
    failures = [
        {
            "network": _text(each.network),
            "interface": _text(each.interface),
            "plugin": _text(each.plugin),
            "code": _code(each.code),
        }
        for each in record.failures[:_MOST]
    ]
    body = {
        "container": _text(record.container),
        "code": _code(record.code),
        "ms": round(record.milliseconds, 1),
        "phases": _rounded(record.phases),
        "networks": _rounded(record.networks),
        **({"failures": failures} if failures else {}),
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def parse(text: str) -> CallRecord | None:
    """The record, as far as it has the right form; None for none. Its author may be anybody who may write Events."""
    if not text or len(text) > LONGEST:
        return None
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    failures = body.get("failures")
    return CallRecord(
        _text(body.get("container")),
        _code(body.get("code")),
        _number(body.get("ms")),
        _numbers(body.get("phases")),
        _numbers(body.get("networks")),
        [_failed(each) for each in failures[:_MOST] if isinstance(each, dict)]
        if isinstance(failures, list)
        else (),
    )


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {_text(name): round(found[name], 1) for name in list(found)[:_MOST]}


def _failed(body: Mapping[str, Any]) -> FailedPlugin:
    return FailedPlugin(
        _text(body.get("network")),
        _text(body.get("interface")),
        _text(body.get("plugin")),
        _code(body.get("code")),
    )


def _text(value: Any) -> str:
    return value[:LONGEST_NAME] if isinstance(value, str) else ""


def _code(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 10**18 else 0


def _number(value: Any) -> float:
    """Not negative and not more than a day: others are no duration of a call."""
    is_duration = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 86_400_000
    return float(value) if is_duration else 0.0


def _numbers(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        return {}
    return {key[:LONGEST_NAME]: _number(value[key]) for key in list(value)[:_MOST]}
