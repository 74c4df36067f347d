"""CPU seconds by program, on the whole machine: from /proc while they run, from the kernel's taskstats once they have ended.

Thousands of plugins run for milliseconds each: /proc would miss them, and the children's times of their parents do not say which
program they were. The kernel reports each thread that ends with the nanoseconds that it ran; the reports wait in the socket until
the end, so that they cost nothing meanwhile.
"""

from __future__ import annotations

import collections
import contextlib
import os
import select
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pyroute2 import TaskStats

_BUFFER = 512 << 20
"""Bytes of reports that may wait; one takes about 4 KB in the kernel."""

_FORCE_RECEIVE_BUFFER = 33  # SO_RCVBUFFORCE, which Python does not name
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_NANOSECOND = 1e-9

GROUPS: Mapping[str, tuple[str, ...]] = {
    "apiserver, etcd": ("kube-apiserver", "etcd"),
    "controllers, scheduler": ("kube-controller", "kube-scheduler", "kube-proxy"),
    "kubelet": ("kubelet",),
    "containerd": ("containerd",),
    "runc, container shims": ("containerd-shim", "runc", "pause"),
    "netattach daemon": ("netattach-daemo", "netattach-dhcp"),
    "netattach webhooks": ("netattach-webho",),
    "netattach operator": ("netattach-opera",),
    "Multus daemon": ("multus-daemon",),
    "CNI shim": ("netattach", "multus-shim"),
    "CNI plugins": ("bridge", "portmap", "macvlan", "host-local", "loopback", "iptables", "ip6tables", "nft", "xtables-nft-mul"),
}  # fmt: skip  # one line each
"""What the table shows, by the beginnings of the kernel's names of processes; the longest one that matches decides."""

OTHER = "other"
"""Containers, this program, and whatever else runs on the machine."""

_LASTING = ("kube", "etcd", "containerd\0", "netattach-", "multus-daemon")
"""Programs that outlive a measurement: what their ended threads used is part of their own times."""

_GROUP_OF = {start: group for group, starts in GROUPS.items() for start in starts}


def group_of(name: str) -> str:
    """The row of the table for a process of this name."""
    found = [start for start in _GROUP_OF if name.startswith(start)]
    return _GROUP_OF[max(found, key=len)] if found else OTHER


class ProgramCpu:
    """Measures from its creation on; close it. Needs root in the first namespaces, and a kernel with CONFIG_TASKSTATS."""

    def __init__(self) -> None:
        self._ended = TaskStats()
        self._ended.bind()
        with socket.socket(fileno=os.dup(self._ended.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, _FORCE_RECEIVE_BUFFER, _BUFFER)
        self._ended.register_mask(Path("/sys/devices/system/cpu/online").read_text().strip())
        self._before = _running()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.close()

    def seconds(self) -> dict[str, float]:
        """By group, since the creation or the last call of this method. Raises OSError where the kernel dropped reports."""
        after = _running()
        used: collections.defaultdict[str, float] = collections.defaultdict(float)
        for process, (name, total) in after.items():
            used[group_of(name)] += total - self._before.get(process, ("", 0.0))[1]
        for process, (name, total) in self._before.items():
            if process not in after and not _lasts(name):
                used[group_of(name)] -= total  # its end reports its whole life
        for name, total in self._reports():
            if not _lasts(name):
                used[group_of(name)] += total
        self._before = after
        return {group: round(used[group], 3) for group in (*GROUPS, OTHER)}

    def _reports(self) -> list[tuple[str, float]]:
        """Name and CPU seconds of each thread that has ended."""
        found = []
        while select.select([self._ended], [], [], 0)[0]:
            for message in self._ended.get():
                about = message.get_attr("TASKSTATS_TYPE_AGGR_PID")
                if about is not None:
                    report = about.get_attr("TASKSTATS_TYPE_STATS")
                    name = report["ac_comm"].partition(b"\0")[0].decode(errors="replace")
                    found.append((name, report["cpu_run_virtual_total"] * _NANOSECOND))
        return found


def _lasts(name: str) -> bool:
    return f"{name}\0".startswith(_LASTING)


def _running() -> dict[tuple[str, str], tuple[str, float]]:
    """By process id and start time: the name, and the CPU seconds without children."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended
                name, _, rest = (entry / "stat").read_text().partition(" (")[2].rpartition(") ")
                fields = rest.split()
                found[entry.name, fields[19]] = name, (int(fields[11]) + int(fields[12])) * _TICK
    return found
