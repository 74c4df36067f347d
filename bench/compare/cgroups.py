"""A control group for each daemon: the processor time of the daemon and the plugins that it starts, and limits.

cgroup v2 accounts for processor time wherever it is mounted. Limits need its controllers, or those of v1.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compare import own_names

_PERIOD_US = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Processor time in thousandths of a core, memory in MiB."""

    cpu_milli: int
    memory_mib: int


class CgroupError(Exception):
    """This machine has no usable control groups; the message says what is missing."""


class Cgroup:
    """The groups of one daemon: one of v2, and with limits on a machine with v1 controllers those of cpu and memory."""

    def __init__(self, unified: Path, others: list[Path]) -> None:
        self._unified = unified
        self._others = others

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command line that runs a command in the groups from its first instruction on: memory stays where it was charged."""
        files = [str(group / "cgroup.procs") for group in (self._unified, *self._others)]
        enter = "".join(f"echo $$ >{shlex.quote(file)} && " for file in files)
        return ["sh", "-c", f'{enter}exec "$@"', "sh", *command]

    def cpu_ms(self) -> float:
        """Of all processes that are or were in the group."""
        for line in (self._unified / "cpu.stat").read_text().splitlines():
            if line.startswith("usage_usec "):
                return int(line.split()[1]) / 1000
        raise CgroupError(f"{self._unified}/cpu.stat has no usage_usec")


@contextlib.contextmanager
def create(name: str, limits: Limits | None) -> Iterator[Cgroup]:
    """Removed at the end, when no process is in it any more. Raises CgroupError."""
    root = _mounts().get("cgroup2")
    if root is None:
        raise CgroupError("cgroup v2 is not mounted; mount it: mount -t cgroup2 none /sys/fs/cgroup")
    full = f"{own_names.PREFIX}{os.getpid()}-{name}"
    groups = [root / full]
    if limits is not None and not _enabled(root):
        groups += [_v1(controller) / full for controller in ("cpu", "memory")]
    for group in groups:
        own_names.remove_of_killed_runs(group.parent)
    with contextlib.ExitStack() as created:
        for group in groups:
            group.mkdir()
            created.callback(_remove, group)
        if limits is not None:
            _limit(groups, limits)
        yield Cgroup(groups[0], groups[1:])


def _limit(groups: list[Path], limits: Limits) -> None:
    quota, memory = limits.cpu_milli * _PERIOD_US // 1000, limits.memory_mib * 2**20
    if len(groups) == 1:
        (groups[0] / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        (groups[0] / "memory.max").write_text(str(memory))
        return
    _, cpu, of_memory = groups
    (cpu / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
    (cpu / "cpu.cfs_quota_us").write_text(str(quota))
    (of_memory / "memory.limit_in_bytes").write_text(str(memory))


def _enabled(root: Path) -> bool:
    """Whether v2 has the controllers; then they are enabled for groups below its root."""
    file = root / "cgroup.controllers"
    if not file.exists() or not {"cpu", "memory"} <= set(file.read_text().split()):
        return False
    (root / "cgroup.subtree_control").write_text("+cpu +memory")
    return True


def _v1(controller: str) -> Path:
    root = _mounts().get(controller)
    if root is None:
        raise CgroupError(
            f"limits need the cgroup controller {controller}, which this machine has in neither v1 nor v2"
        )
    return root


def _mounts() -> dict[str, Path]:
    """Where v2 ("cgroup2") and the controllers of v1 are mounted."""
    found = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        names = ["cgroup2"] if kind == "cgroup2" else options.split(",") if kind == "cgroup" else []
        found.update({name: Path(where) for name in names})
    return found


def _remove(group: Path) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            group.rmdir()
        except OSError:  # its processes are still ending
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
