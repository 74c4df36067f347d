"""The figures of a run next to their targets, as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

MEMORY_MIB = {"operator": 300, "webhooks": 300, "daemon": 80}
NETWORK_SECONDS, NODE_SECONDS = 1.0, 5.0
ADMISSION_MS = 15.0
WRITES_PER_MINUTE = 1.0


FAILED = "failed"
"""The key of a part that could not be measured, with the reason."""

_NODE = "node_without_"


class Row(NamedTuple):
    """A figure, and the value that it must not exceed."""

    what: str
    value: float
    target: float | None = None
    unit: str = ""

    @property
    def is_missed(self) -> bool:
        return self.target is not None and self.value > self.target


def missed(result: Mapping[str, Any]) -> list[Row]:
    return [row for row in rows(result) if row.is_missed]


def text(result: Mapping[str, Any]) -> str:
    head = f"{result['nodes']} nodes, {result['pods']} pods, {result['networks']} networks"
    return "\n".join([head, *map(_line, rows(result))]) + "\n"


def rows(result: Mapping[str, Any]) -> Iterator[Row]:
    for name, found in result.items():
        if isinstance(found, Mapping) and FAILED in found:
            yield Row(f"{name}: {found[FAILED]}", 1, 0, "failed")
        elif name == "memory":
            yield from _memory(found)
        elif name.startswith(_NODE):
            for what in ("lost", "back"):
                text = f"{name[len(_NODE) :]} of a node {what}: {found['networks']} networks"
                yield Row(text, found[what]["all_seconds"], NODE_SECONDS, "s")
        elif name in _ROWS:
            yield from _ROWS[name](found)


def _memory(result: Mapping[str, Any]) -> Iterator[Row]:
    for program, target in MEMORY_MIB.items():
        for when, found in result.items():
            largest = max((each["resident_kib"] for each in found.get(program, ())), default=0)
            yield Row(f"{program}, {when.replace('_', ' ')}", round(largest / 1024, 1), target, "MiB")


def _networks(result: Mapping[str, Any]) -> Iterator[Row]:
    yield Row("a changed network's status, median", result["median"] / 1000, None, "s")
    yield Row("a changed network's status, p99", result["p99"] / 1000, NETWORK_SECONDS, "s")


def _admission(result: Mapping[str, Any]) -> Iterator[Row]:
    for kind in ("with networks", "without networks"):
        yield Row(f"a pod {kind} is admitted, median", result[kind]["median"], None, "ms")
    yield Row("a pod with networks is admitted, p99", result["with networks"]["p99"], ADMISSION_MS, "ms")
    for kind, value in result["per_second"].items():
        yield Row(f"pods {kind} admitted in a second", value)


def _idle(result: Mapping[str, Any]) -> Iterator[Row]:
    yield Row("writes per minute without any change", result["per_minute"], WRITES_PER_MINUTE)


def _start(result: Mapping[str, Any]) -> Iterator[Row]:
    for what, value in result.items():
        yield Row(f"the operator's start until it {_STATES[what]}", value, None, "s")


_STATES = {"serves": "serves", "ready": "is ready", "validated": "has validated each network"}


def _line(row: Row) -> str:
    target = "" if row.target is None else f"  (at most {row.target:g}{', MISSED' if row.is_missed else ''})"
    return f"  {row.what:60} {row.value:10g} {row.unit}{target}"


_ROWS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[Row]]] = {
    "changed_networks_ms": _networks,
    "admission": _admission,
    "idle": _idle,
    "operator_start": _start,
}
