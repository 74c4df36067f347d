"""The loop: for each repetition of a case, all sides in turn, in another order each time."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from compare.cases import Case, Pod
from compare.cgroups import Cgroup
from compare.sides import Running

_SETTLE_SECONDS = 0.5
"""After creating and after deleting the pods of a case: watches report them, the kernel frees their namespaces."""

_PAUSE_SECONDS = 0.03
"""After a call: what the daemon does afterwards (status, events) belongs to that call's processor time."""

_WARM_UP = 2
"""Repetitions that are not counted: they fill caches."""


@dataclass(slots=True)
class Left:
    """What was still there after the DEL, by network for leases."""

    leases: dict[str, int] = field(default_factory=dict)
    links: int = 0
    files: int = 0


@dataclass(slots=True)
class Sample:
    """What one side has needed for one case: one value for each repetition. Times in milliseconds."""

    add: list[float] = field(default_factory=list)
    delete: list[float] = field(default_factory=list)
    add_cpu: list[float] = field(default_factory=list)
    delete_cpu: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    left: Left = field(default_factory=Left)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Measured:
    """A side that is being measured."""

    running: Running
    cgroup: Cgroup | None

    @property
    def name(self) -> str:
        return self.running.name

    def daemon_cpu_ms(self) -> float:
        return self.cgroup.cpu_ms() if self.cgroup else 0.0


def in_turn(sides: Sequence[Measured], case: Case, repetitions: int) -> dict[str, Sample]:
    """By the side's name."""
    samples = {side.name: Sample() for side in sides}
    rounds = repetitions + _WARM_UP
    with contextlib.ExitStack() as stack:
        pods = {side.name: stack.enter_context(created(side, case, rounds)) for side in sides}
        time.sleep(_SETTLE_SECONDS)
        for number in range(rounds):
            for side in order(sides, number):
                sample = Sample() if number < _WARM_UP else samples[side.name]
                _one_pod(side, pods[side.name][number], sample)
    time.sleep(_SETTLE_SECONDS)
    return samples


def order(sides: Sequence[Measured], number: int) -> list[Measured]:
    """Another side is the first in each round, and every second round goes backwards: no side always follows the same one."""
    start = number // 2 % len(sides)
    turned = [*sides[start:], *sides[:start]]
    return turned[::-1] if number % 2 else turned


@contextlib.contextmanager
def created(side: Measured, case: Case, count: int) -> Iterator[list[Pod]]:
    """Pods with their network namespaces and API objects."""
    pods = [Pod(f"pod{number}", case.networks) for number in range(count)]
    names, bodies = [pod.name for pod in pods], [pod.body() for pod in pods]
    side.running.node.agent("add_namespaces", names=names)
    side.running.node.api(put=bodies)
    try:
        yield pods
    finally:
        side.running.node.api(delete=bodies)
        side.running.node.agent("delete_namespaces", names=names)


def _one_pod(side: Measured, pod: Pod, sample: Sample) -> None:
    calls = side.running.calls
    before = Before.of(side)
    added, cpu = _call(side, calls.add(pod))
    sample.add.append(added["ms"])
    sample.add_cpu.append(cpu)
    deleted, cpu = _call(side, calls.delete(pod, added["results"]))
    sample.delete.append(deleted["ms"])
    sample.delete_cpu.append(cpu)
    sample.errors += added["errors"] + deleted["errors"]
    before.add_what_is_left(side, [pod], sample.left)


def _call(side: Measured, stages: Any) -> tuple[dict[str, Any], float]:
    """The pod's outcome, and the processor's milliseconds in the daemon and in the programs that the agent started."""
    before = side.daemon_cpu_ms()
    outcome = side.running.node.agent("calls", pods=[stages], at_once=1)["pods"][0]
    time.sleep(_PAUSE_SECONDS)
    return outcome, side.daemon_cpu_ms() - before + outcome["cpu_ms"]


@dataclass(frozen=True, slots=True)
class Before:
    """The state of a node before an ADD: what Multus has left of earlier pods is counted once."""

    leases: frozenset[str]
    files: frozenset[str]

    @classmethod
    def of(cls, side: Measured) -> Before:
        running = side.running
        return cls(frozenset(running.node.leases()), frozenset(running.calls.files()))

    def add_what_is_left(self, side: Measured, pods: Sequence[Pod], left: Left) -> None:
        """Adds it to `left`."""
        running = side.running
        for lease in set(running.node.leases()) - self.leases:
            network = lease.partition("/")[0]
            left.leases[network] = left.leases.get(network, 0) + 1
        left.files += len(set(running.calls.files()) - self.files)
        links = running.node.agent("links", namespaces=[pod.name for pod in pods])
        on_node = [name for name in links.pop("") if name.startswith("veth")]
        left.links += len(on_node) + sum(
            len([name for name in names if name != "lo"]) for names in links.values()
        )
