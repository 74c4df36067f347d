"""What one pod costs apart from time: programs started, syncs, bytes written, API requests.

They are counted in pods of their own, which are not timed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compare import measure
from compare.cases import Case
from compare.measure import Measured
from compare.tracing import Tracing

_PODS = 4
_LATE_SECONDS = 1.0
"""After the calls: events and status arrive."""


def of(sides: Sequence[Measured], case: Case, tracing: Tracing | None) -> dict[str, dict[str, Any]]:
    """For ADD and DEL of one pod, on average, by the side's name."""
    return {side.name: _of_one(side, case, tracing) for side in sides}


def _of_one(side: Measured, case: Case, tracing: Tracing | None) -> dict[str, Any]:
    with measure.created(side, case, _PODS) as pods:
        time.sleep(_LATE_SECONDS)
        requests, written = Counter(side.running.node.requests()), _bytes_written(side)
        counts = _traced(side, pods, tracing)
        written = _bytes_written(side) - written
        requests = Counter(side.running.node.requests()) - requests
    cost: dict[str, Any] = {
        "bytes_written": written // _PODS,
        "api_requests": {name: count / _PODS for name, count in sorted(requests.items())},
    }
    if counts is not None:
        started = {name: count / _PODS for name, count in sorted(counts.items()) if name.startswith("start ")}
        cost |= {
            "programs": {name.removeprefix("start "): count for name, count in started.items()},
            "syncs": counts["sync"] / _PODS,
        }
    return cost


def _traced(side: Measured, pods: Sequence[Any], tracing: Tracing | None) -> Counter[str] | None:
    if tracing is None:
        _attach_and_detach(side, pods)
        return None
    daemon = [side.running.daemon] if side.running.daemon else []
    with tracing.counted([side.running.node.agent_pid, *daemon]) as counts:
        _attach_and_detach(side, pods)
    return counts


def _attach_and_detach(side: Measured, pods: Sequence[Any]) -> None:
    """With a pause between: a pod that is gone gets no status."""
    calls, agent = side.running.calls, side.running.node.agent
    added = agent("calls", pods=[calls.add(pod) for pod in pods], at_once=1)["pods"]
    time.sleep(_LATE_SECONDS)
    stages = [calls.delete(pod, done["results"]) for pod, done in zip(pods, added, strict=True)]
    agent("calls", pods=stages, at_once=1)
    time.sleep(_LATE_SECONDS)


def _bytes_written(side: Measured) -> int:
    """To disks, by the daemon, the agent and the children that they have collected."""
    pids = [side.running.node.agent_pid, *([side.running.daemon] if side.running.daemon else [])]
    return sum(_write_bytes(Path(f"/proc/{pid}/io").read_text()) for pid in pids)


def _write_bytes(text: str) -> int:
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("write_bytes:"))
