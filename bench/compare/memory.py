"""The memory of the daemons: idle, after storms of pods, after thousands of pods."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compare import measure
from compare.cases import Case
from compare.measure import Measured

_PAUSE_SECONDS = 2.0
_PARALLEL = 8
_BATCH = 200


def resident(sides: Sequence[Measured]) -> dict[str, dict[str, int]]:
    """KiB now and at the peak since the start, of the daemon without the plugins that it starts."""
    time.sleep(_PAUSE_SECONDS)
    return {side.name: _of(side.running.daemon) for side in sides if side.running.daemon is not None}


def after_pods(sides: Sequence[Measured], pods: int) -> dict[str, dict[str, int]]:
    """After so many pods with one network each, 8 at a time."""
    for side in sides:
        if side.running.daemon is None:
            continue
        for start in range(0, pods, _BATCH):
            _batch(side, min(_BATCH, pods - start))
    return resident(sides)


def _batch(side: Measured, count: int) -> None:
    calls, agent = side.running.calls, side.running.node.agent
    with measure.created(side, Case("macvlan", 1), count) as pods:
        added = agent("calls", pods=[calls.add(pod) for pod in pods], at_once=_PARALLEL)["pods"]
        stages = [calls.delete(pod, done["results"]) for pod, done in zip(pods, added, strict=True)]
        agent("calls", pods=stages, at_once=_PARALLEL)


def _of(pid: int) -> dict[str, Any]:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {"now_kib": int(status["VmRSS"].split()[0]), "peak_kib": int(status["VmHWM"].split()[0])}
