"""Programs started and syncs of processes and their descendants, counted by the kernel's tracing (tracefs)."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from compare import own_names

_EXEC = "sched/sched_process_exec"
_SYNCS = ("fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "msync")
_EVENT = re.compile(r": (?:sched_process_exec: filename=(?P<program>\S+)|sys_(?P<sync>\w+)\()")


class Tracing:
    """One instance. Only the processes of `counted`, and what they start, are in it."""

    def __init__(self, instance: Path) -> None:
        self._instance = instance
        events = [_EXEC, *(f"syscalls/sys_enter_{name}" for name in _SYNCS)]
        self._events = [event for event in events if (instance / "events" / event).exists()]

    @contextlib.contextmanager
    def counted(self, pids: Iterable[int]) -> Iterator[Counter[str]]:
        """Filled at the end of the block: "start NAME" for each program started, "sync" for each sync."""
        counts: Counter[str] = Counter()
        threads = [path.name for pid in pids for path in Path(f"/proc/{pid}/task").iterdir()]
        self._write("set_event_pid", " ".join(threads))
        self._write("options/event-fork", "1")
        self._write("trace", "")
        self._enable("1")
        try:
            yield counts
        finally:
            self._enable("0")
        counts.update(events((self._instance / "trace").read_text(errors="replace")))

    def _enable(self, value: str) -> None:
        for event in self._events:
            self._write(f"events/{event}/enable", value)

    def _write(self, name: str, text: str) -> None:
        (self._instance / name).write_text(text)


def events(trace: str) -> Iterator[str]:
    """Those of a trace as text."""
    for match in _EVENT.finditer(trace):
        if match["program"]:
            yield f"start {match['program'].rpartition('/')[2]}"
        else:
            yield "sync"


@contextlib.contextmanager
def instance() -> Iterator[Tracing | None]:
    """None on a machine without tracefs."""
    with contextlib.ExitStack() as stack:
        try:
            root = stack.enter_context(_mounted())
            own_names.remove_of_killed_runs(root / "instances")
            path = root / "instances" / f"{own_names.PREFIX}{os.getpid()}"
            path.mkdir()
        except (OSError, subprocess.CalledProcessError):
            yield None
            return
        stack.callback(path.rmdir)
        yield Tracing(path)


@contextlib.contextmanager
def _mounted() -> Iterator[Path]:
    mounted = Path("/sys/kernel/tracing")
    if (mounted / "instances").is_dir():
        yield mounted
        return
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["mount", "-t", "tracefs", "bench", directory], check=True, capture_output=True)
        try:
            yield Path(directory)
        finally:
            subprocess.run(["umount", directory], check=True)
