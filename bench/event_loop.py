"""The longest stalls of the daemon's event loop while 64 pods with four macvlan networks each come and go at once.

A stall is one callback, a task's step most often: nothing else of the event loop runs meanwhile. Its own time is that of the
processor; the rest of it are other programs, and threads of the daemon that have the interpreter's lock.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import heapq
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from compare import cases, cgroups, node, sides, storms
from compare.cases import Case
from compare.measure import Measured
from compare.netattach_side import NetattachSide

_STORM = Case("macvlan", 4, 64)
_ROUNDS = 3
_SHOWN = 10
_WRITTEN = "BENCH_STALLS"
"""The variable with the file that the daemon writes on SIGUSR1."""


def main() -> int:
    """Measures, prints and saves the result; the daemon's process comes here, too."""
    if _WRITTEN in os.environ:
        return _daemon(Path(os.environ[_WRITTEN]))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cni-bin", type=Path, required=True)
    parser.add_argument("--shim", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="the daemon's interpreter")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    now = dt.datetime.now(tz=dt.UTC)
    machine = {"date": now.isoformat(timespec="seconds"), "cpus": os.cpu_count(), "load": os.getloadavg()[0]}
    with _running(arguments) as (side, written):
        result = [_round(side, written) for _ in range(_ROUNDS)]
    text = json.dumps(machine | {"case": _STORM.name, "rounds": result}, indent=2)
    print(text)
    (arguments.results / f"{now.date().isoformat()}-event-loop.json").write_text(text + "\n")
    return 0


@contextmanager
def _running(arguments: argparse.Namespace) -> Iterator[tuple[Measured, Path]]:
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netattach-bench-")))
        group = stack.enter_context(cgroups.create("event-loop", None))
        built = stack.enter_context(node.build(root / "node", arguments.cni_bin, arguments.shim, group))
        node.create_objects(built, cases.NETWORKS_OF_ALL_CASES)
        os.environ[_WRITTEN] = str(root / "stalls.json")
        side = NetattachSide(
            sides.NATIVE,
            arguments.shim,
            sides.NATIVE_LINKS[sides.NATIVE],
            interpreter=arguments.python,
            program=(__file__,),
        )
        running = stack.enter_context(side.running(built))
        yield Measured(running, group), root / "stalls.json"


def _round(side: Measured, written: Path) -> dict[str, Any]:
    """ADD and DEL of one storm."""
    _stalls(side, written)
    storm = storms.Storm()
    storms.one_round(side, _STORM, storm)
    return {"lost": storm.lost, **_stalls(side, written)}


def _stalls(side: Measured, written: Path) -> dict[str, Any]:
    """Since the last time."""
    written.unlink(missing_ok=True)
    if side.running.daemon is None:
        raise node.BenchError("the daemon does not run")
    os.kill(side.running.daemon, signal.SIGUSR1)
    while not written.exists():
        time.sleep(0.01)
    found: dict[str, Any] = json.loads(written.read_text())
    return found


def _daemon(written: Path) -> int:
    """netattach's daemon, with each callback of its event loop timed."""
    from netattach_plugin.__main__ import main as daemon  # noqa: PLC0415  # only this process has its modules

    stalls = Stalls()
    handle: Any = asyncio.Handle
    handle._run = stalls.timed(handle._run)  # noqa: SLF001  # asyncio's own debug mode logs durations and is slow
    signal.signal(signal.SIGUSR1, lambda *_: stalls.write(written))
    return daemon()


class Stalls:
    """The longest callbacks, in milliseconds, by the clock and of the processor."""

    def __init__(self) -> None:
        self._longest: list[tuple[float, float, str]] = []
        self._longest_own = (0.0, "")
        self._callbacks = 0

    def timed(self, run: Callable[[Any], None]) -> Callable[[Any], None]:
        def timed_run(handle: Any) -> None:
            started, used = time.perf_counter(), time.thread_time()
            run(handle)
            self._note(handle, time.perf_counter() - started, time.thread_time() - used)

        return timed_run

    def _note(self, handle: Any, seconds: float, own: float) -> None:
        self._callbacks += 1
        if own > self._longest_own[0]:
            self._longest_own = (own, _name(handle))
        if len(self._longest) < _SHOWN or seconds > self._longest[0][0]:
            keep = heapq.heappush if len(self._longest) < _SHOWN else heapq.heapreplace
            keep(self._longest, (seconds, own, _name(handle)))

    def write(self, path: Path) -> None:
        """Writes them as JSON, and begins again."""
        longest = [
            {"ms": round(seconds * 1000, 2), "own_ms": round(own * 1000, 2), "what": what}
            for seconds, own, what in sorted(self._longest, reverse=True)
        ]
        found = {
            "callbacks": self._callbacks,
            "longest_own": {"own_ms": round(self._longest_own[0] * 1000, 2), "what": self._longest_own[1]},
            "longest": longest,
        }
        part = path.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.rename(path)
        self._longest, self._longest_own, self._callbacks = [], (0.0, ""), 0


def _name(handle: Any) -> str:
    """A task's coroutine, else the function."""
    callback = getattr(handle, "_callback", None)
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        return str(getattr(task.get_coro(), "__qualname__", task))
    return str(getattr(callback, "__qualname__", callback))


if __name__ == "__main__":
    sys.exit(main())
