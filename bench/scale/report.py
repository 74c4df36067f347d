"""The figures of a run next to their targets, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MEMORY_MIB = {"operator": 300, "webhooks": 300, "daemon": 80}
NETWORK_SECONDS, NODE_SECONDS = 1.0, 5.0
ADMISSION_MS = 15.0
WRITES_PER_MINUTE = 1.0


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
    for program, target in MEMORY_MIB.items():
        for when, found in result["memory"].items():
            largest = max((each["resident_kib"] for each in found.get(program, ())), default=0)
            yield Row(f"{program}, {when.replace('_', ' ')}", round(largest / 1024, 1), target, "MiB")
    networks = result["changed_networks_ms"]
    yield Row("a changed network's status, median", networks["median"] / 1000, None, "s")
    yield Row("a changed network's status, p99", networks["p99"] / 1000, NETWORK_SECONDS, "s")
    for interface, found in result["changed_node"].items():
        for what in ("lost", "back"):
            name = f"{interface} of a node {what}: {found['networks']} networks"
            yield Row(name, found[what]["all_seconds"], NODE_SECONDS, "s")
    admission = result["admission"]
    for kind in ("with networks", "without networks"):
        yield Row(f"a pod {kind} is admitted, median", admission[kind]["median"], None, "ms")
    yield Row("a pod with networks is admitted, p99", admission["with networks"]["p99"], ADMISSION_MS, "ms")
    for kind, value in admission["per_second"].items():
        yield Row(f"pods {kind} admitted in a second", value)
    yield Row("writes per minute without any change", result["idle"]["per_minute"], WRITES_PER_MINUTE)
    for what, value in result["operator_start"].items():
        yield Row(f"the operator's start until it {_STATES[what]}", value, None, "s")


_STATES = {"serves": "serves", "ready": "is ready", "validated": "has validated each network"}


def _line(row: Row) -> str:
    target = "" if row.target is None else f"  (at most {row.target:g}{', MISSED' if row.is_missed else ''})"
    return f"  {row.what:60} {row.value:10g} {row.unit}{target}"
