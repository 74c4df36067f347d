"""A daemon that dies where a test wants it to, and what may be left on its node."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from netattach_cli.demo.demo_node import DemoNode
from support.node import CnitoolNode
from support.shim_peer import children
from support.waiting import PATIENCE

_TESTS = Path(__file__).parent.parent


class FaultyDaemon:
    """The daemon under a supervisor that restarts it at once."""

    def __init__(self, stage: DemoNode, directory: Path) -> None:
        self._stage = stage
        self._directory = directory
        self._round = 0
        self._supervisor = 0

    @contextlib.contextmanager
    def running(self, **settings: str) -> Iterator[None]:
        """Runs it with these settings, which are environment variables."""
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
        """The running daemon; none for a moment after its death."""
        return children(self._supervisor)

    def die(self) -> None:
        """Kills the daemon, which is restarted."""
        for daemon in self.processes():
            kill(daemon)

    def die_at(self, number: int) -> None:
        """Makes it die at the point with this number, counted from now on; 0: at none."""
        self._round += 1
        (self._directory / "points").unlink(missing_ok=True)
        temporary = self._directory / "arm.new"
        temporary.write_text(f"{self._round} {number}")
        temporary.rename(self._directory / "arm")

    def disarm(self, fewest: int = 0) -> list[str]:
        """The points that were reached; waits a moment for `fewest`, since some follow the answer."""
        give_up = time.monotonic() + 1
        while len(self._reached()) < fewest and time.monotonic() < give_up:
            time.sleep(0.01)
        (self._directory / "arm").unlink()
        return self._reached()

    def _reached(self) -> list[str]:
        points = self._directory / "points"
        return points.read_text().splitlines() if points.exists() else []


def processes_of(*variables: str) -> list[int]:
    """Running processes with all of these variables (`NAME=value`), such as the plugins of a sandbox.

    Other nodes may exist on the machine: one of the variables has to name something of this one, such as its CNI_PATH.
    """
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if {variable.encode() for variable in variables} <= set(path.read_bytes().split(b"\0")):
                found.append(int(path.parent.name))
    return found


def differences(node: CnitoolNode, clean: Mapping[str, object]) -> dict[str, object]:
    """The differences from the clean node."""
    return {key: value for key, value in state(node).items() if value != clean[key]}


def state(node: CnitoolNode) -> Mapping[str, object]:
    """Everything that a call may leave: `leftovers`, the runtime's cache, mounts."""
    cache = node.stage.paths.var_lib_cni / "results"
    return {
        **{key: value for key, value in node.leftovers().items() if key != "namespaces"},
        "cache": sorted(path.name for path in cache.glob("*")) if cache.exists() else [],
        "mounts": len(
            [x for x in node.stage.run("cat", "/proc/self/mounts").stdout.splitlines() if "nsfs" not in x]
        ),
    }


def kill(pid: int) -> None:
    """Kills a process; a process that is gone is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
