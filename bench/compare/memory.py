"""The memory of the daemons: idle, after storms of pods, after thousands of pods.

Resident memory (RSS) is all that a daemon can be charged for, as the only one on the node with its files. Anonymous memory is
charged in any case; pages of files (programs, libraries) are charged to whoever read them first and can be dropped. What the
kubelet calls the working set is between the two, plus what the kernel keeps for sockets.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from compare import measure
from compare.cases import Case
from compare.measure import Measured

_PAUSE_SECONDS = 2.0
_PARALLEL = 8
_BATCH = 200


def resident(sides: Sequence[Measured]) -> dict[str, dict[str, int]]:
    """KiB now, of which anonymous, and at the peak since the start, of the daemon without the plugins that it starts."""
    time.sleep(_PAUSE_SECONDS)
    return {side.name: of_process(side.running.daemon) for side in sides if side.running.daemon is not None}


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


def of_process(pid: int) -> dict[str, int]:
    """`now_kib`, `anonymous_kib` and `peak_kib`, all of this process alone."""
    found = dict(
        line.split(":", 1)
        for file in ("status", "smaps_rollup")
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines()
        if ":" in line
    )
    wanted = {"now_kib": "VmRSS", "anonymous_kib": "Anonymous", "peak_kib": "VmHWM"}
    return {name: int(found[of].split()[0]) for name, of in wanted.items()}
