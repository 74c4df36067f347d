"""Pods at once: how many are attached in a second, how long each of them takes, and which calls fail."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compare import measure
from compare.cases import Case
from compare.measure import Before, Left, Measured

_PAUSE_SECONDS = 0.5


@dataclass(slots=True)
class Storm:
    """One value for each round; `add` and `delete` have one for each pod. Times in milliseconds."""

    add_pods_per_second: list[float] = field(default_factory=list)
    delete_pods_per_second: list[float] = field(default_factory=list)
    add: list[float] = field(default_factory=list)
    delete: list[float] = field(default_factory=list)
    add_cpu: list[float] = field(default_factory=list)
    delete_cpu: list[float] = field(default_factory=list)
    calls: int = 0
    lost: int = 0
    errors: list[str] = field(default_factory=list)
    daemon_killed: bool = False
    left: Left = field(default_factory=Left)

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def rounds(case: Case) -> int:
    """Fewer of large storms, which take long and have many pods."""
    return min(4, max(2, 32 // case.at_once))


def in_turn(sides: Sequence[Measured], case: Case) -> dict[str, Storm]:
    """By the side's name. A side whose daemon was killed is not measured again."""
    storms = {side.name: Storm() for side in sides}
    for number in range(rounds(case)):
        for side in measure.order(sides, number):
            if is_alive(side):
                one_round(side, case, storms[side.name])
            storms[side.name].daemon_killed = not is_alive(side)
    return storms


def is_alive(side: Measured) -> bool:
    """Whether the side's daemon runs, if it has one. A killed one is a zombie as long as its parent does not wait for it."""
    if side.running.daemon is None:
        return True
    try:
        stat = Path(f"/proc/{side.running.daemon}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def one_round(side: Measured, case: Case, storm: Storm) -> None:
    """ADD of all pods at once, then DEL; added to `storm`."""
    calls = side.running.calls
    with contextlib.ExitStack() as stack:
        pods = stack.enter_context(measure.created(side, case, case.at_once))
        time.sleep(_PAUSE_SECONDS)
        before = Before.of(side)
        added, cpu = _all_at_once(side, [calls.add(pod) for pod in pods])
        _count(storm, added)
        storm.add_pods_per_second.append(_done(added) / added["seconds"])
        storm.add += [pod["ms"] for pod in added["pods"]]
        storm.add_cpu.append(cpu / len(pods))
        stages = [calls.delete(pod, done["results"]) for pod, done in zip(pods, added["pods"], strict=True)]
        deleted, cpu = _all_at_once(side, stages)
        _count(storm, deleted)
        storm.delete_pods_per_second.append(_done(deleted) / deleted["seconds"])
        storm.delete += [pod["ms"] for pod in deleted["pods"]]
        storm.delete_cpu.append(cpu / len(pods))
        before.add_what_is_left(side, pods, storm.left)
    time.sleep(_PAUSE_SECONDS)


def _all_at_once(side: Measured, stages: list[Any]) -> tuple[dict[str, Any], float]:
    before = side.daemon_cpu_ms()
    outcome = side.running.node.agent("calls", pods=stages, at_once=len(stages))
    time.sleep(_PAUSE_SECONDS)
    used = sum(pod["cpu_ms"] for pod in outcome["pods"])
    return outcome, side.daemon_cpu_ms() - before + used


def _done(outcome: dict[str, Any]) -> int:
    return sum(1 for pod in outcome["pods"] if not pod["errors"])


def _count(storm: Storm, outcome: dict[str, Any]) -> None:
    storm.calls += len(outcome["pods"])
    storm.lost += len(outcome["pods"]) - _done(outcome)
    storm.errors += [error for pod in outcome["pods"] for error in pod["errors"]][:3]
