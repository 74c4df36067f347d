"""A program for tests: the daemon, which kills itself at its n-th side effect. The argument is a directory.

A process that has imported everything forks the daemon again and again, as a kubelet would restart it. The daemon's adapters are
wrapped: before and after each side effect, its name is appended to the file `points`; the file `arm` has the number of the last.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netattach_core.shim.protocol import Frame, Kind
from netattach_plugin import __main__ as daemon
from netattach_plugin.calls.shim_connection import ShimConnection
from netattach_plugin.cluster.file_store import FileStore
from netattach_plugin.netlink.pod_links import PodLinks
from netattach_plugin.netlink.route_socket import RouteSocket
from netattach_plugin.netlink.sockets import PodSockets
from netattach_plugin.state.host_local_directory import NetworkDirectory
from netattach_plugin.state.ledger import FileLedger
from netattach_plugin.wiring import standalone

_REQUESTS = {16: "RTM_NEWLINK", 17: "RTM_DELLINK", 20: "RTM_NEWADDR", 24: "RTM_NEWROUTE"}
assert standalone  # imported before the fork, not by each daemon


class Points:
    """Counts the side effects since `arm` was written."""

    def __init__(self, directory: Path) -> None:
        self._arm = directory / "arm"
        self._points = directory / "points"
        self._armed = ""
        self._count = 0
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        with self._lock:  # native drivers work in threads
            self._count_one(name)

    def _count_one(self, name: str) -> None:
        try:
            armed = self._arm.read_text()
        except FileNotFoundError:
            return
        if armed != self._armed:
            self._armed, self._count = armed, 0
        self._count += 1
        with self._points.open("a") as file:
            file.write(f"{name}\n")
        if self._count == int(armed.split()[-1]):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, method: str, name: Callable[..., str] | str = "") -> None:
        """Wraps a method: one point before it and one after it; none where the name is empty."""
        wrapped = getattr(owner, method)

        def named(*args: Any) -> str:
            return name(*args) if callable(name) else name or method.strip("_")

        @functools.wraps(wrapped)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            self._reach("before", named(*args))
            result = await wrapped(*args, **kwargs)
            self._reach("after", named(*args))
            return result

        @functools.wraps(wrapped)
        def immediate(*args: Any, **kwargs: Any) -> Any:
            self._reach("before", named(*args))
            result = wrapped(*args, **kwargs)
            self._reach("after", named(*args))
            return result

        setattr(owner, method, waiting if asyncio.iscoroutinefunction(wrapped) else immediate)

    def _reach(self, when: str, name: str) -> None:
        if name:
            self.reach(f"{when} {name}")


def _sent(_: ShimConnection, frame: Frame) -> str:
    if frame.kind is Kind.RUN:
        return f"RUN {frame.fields[1].decode()}"
    return {Kind.ANSWER: "ANSWER", Kind.SYSCTLS: "SYSCTLS"}.get(frame.kind, "")


def _handled(_: ShimConnection, frame: Frame) -> str:
    return {Kind.RAN: "RAN", Kind.ERRNOS: "ERRNOS"}.get(frame.kind, "")


def _requested(_: RouteSocket, kind: int, *_arguments: object) -> str:
    return f"{_REQUESTS[kind]} request" if kind in _REQUESTS else ""


def _renamed(path: Path, *_: object) -> str:
    return "" if _is_inventory(path) else "rename"


def _synced(descriptor: int) -> str:
    return "" if _is_inventory(Path(f"/proc/self/fd/{descriptor}").readlink()) else "fsync"


def _is_inventory(path: Path) -> bool:
    """It is published at any time, so that it is no point of a call; the file or its directory."""
    return "nodes" in (path.name, path.parent.name)


def wrap(points: Points) -> None:
    """All side effects of the daemon in a call."""
    points.around(os, "fsync", _synced)
    points.around(Path, "rename", _renamed)
    points.around(FileLedger, "remove", "remove")
    points.around(ShimConnection, "_send", _sent)
    points.around(ShimConnection, "_handle", _handled)
    points.around(PodSockets, "links", "netlink socket")
    points.around(PodLinks, "existing", "look at links")
    points.around(RouteSocket, "request", _requested)
    points.around(NetworkDirectory, "create", "lease")
    points.around(NetworkDirectory, "remove", "release")
    points.around(FileStore, "write_status", "status")


def main() -> int:
    wrap(Points(Path(sys.argv[1])))
    while True:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            return daemon.main()
        signal.signal(signal.SIGTERM, lambda *_, child=child: _end(child))
        os.waitpid(child, 0)


def _end(child: int) -> None:
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
