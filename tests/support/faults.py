"""A node whose daemon dies where a test wants it to, and what may be left on it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from netattach_cli.demo.stage import Stage
from support.node import Node
from support.shim_peer import children

PATIENCE = 20.0
_TESTS = Path(__file__).parent.parent


def eventually(holds: Callable[[], object]) -> None:
    """Fails where it does not come to hold."""
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, "it did not come to pass"
        time.sleep(0.01)


class FaultyDaemon:
    """The daemon under a supervisor that starts it again at once."""

    def __init__(self, stage: Stage, directory: Path) -> None:
        self._stage = stage
        self._directory = directory
        self._round = 0
        self._supervisor = 0

    @contextlib.contextmanager
    def running(self, **settings: str) -> Iterator[None]:
        """Until the context is left; the settings are environment variables."""
        environment = {
            **os.environ,
            **self._stage.daemon_environment(),
            "PYTHONPATH": str(_TESTS),
            **settings,
        }
        with (self._directory / "log").open("ab") as log:
            process = subprocess.Popen(
                self._stage.command(sys.executable, "-m", "support.faulty_daemon", self._directory),
                env=environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        self._supervisor = process.pid
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def processes(self) -> list[int]:
        """The daemon that runs now; none for a moment after its death."""
        return children(self._supervisor)

    def die(self) -> None:
        """At once, and it is started again."""
        for daemon in self.processes():
            kill(daemon)

    def die_at(self, number: int) -> None:
        """Its life ends at this one of the points from here on; 0 for none."""
        self._round += 1
        (self._directory / "points").unlink(missing_ok=True)
        temporary = self._directory / "arm.new"
        temporary.write_text(f"{self._round} {number}")
        temporary.rename(self._directory / "arm")

    def disarm(self, fewest: int = 0) -> list[str]:
        """The points that were reached; so many are waited for a moment, since the answer is not the last one."""
        give_up = time.monotonic() + 1
        while len(self._reached()) < fewest and time.monotonic() < give_up:
            time.sleep(0.01)
        (self._directory / "arm").unlink()
        return self._reached()

    def _reached(self) -> list[str]:
        points = self._directory / "points"
        return points.read_text().splitlines() if points.exists() else []


def processes_of(word: str) -> list[int]:
    """Those that still run and have the word in their environment: plugins of a sandbox, for example."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if word.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def differences(node: Node, clean: Mapping[str, object]) -> dict[str, object]:
    """What is otherwise than on the clean node."""
    return {key: value for key, value in state(node).items() if value != clean[key]}


def state(node: Node) -> Mapping[str, object]:
    """All that a call may leave: what `leftovers` tells, the runtime's cache, mounts, and files beside the ledger's."""
    cache = node.stage.places.var_lib_cni / "results"
    return {
        **{key: value for key, value in node.leftovers().items() if key != "namespaces"},
        "cache": sorted(path.name for path in cache.glob("*")) if cache.exists() else [],
        "mounts": len(
            [x for x in node.stage.run("cat", "/proc/self/mounts").stdout.splitlines() if "nsfs" not in x]
        ),
    }


def kill(pid: int) -> None:
    """Nothing where it is gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
