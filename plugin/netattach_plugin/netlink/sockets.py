"""Netlink sockets in a pod's network namespace.

A socket always belongs to the namespace in which it was created. The shim, which the runtime has started with all privileges,
creates two for an ADD and passes them, so the daemon need not enter a pod's namespace, for which Linux wants CAP_SYS_ADMIN. For
changes over such a socket CAP_NET_ADMIN is enough (af_netlink.c:netlink_ns_capable).

Without them, from a shim of an earlier release, a dedicated thread enters the namespace, creates the socket and returns. pyroute2
forks a child for each instead: 9 ms instead of 0.2 ms, and a fork of a threaded program. A new thread for each socket took 3.6 ms
under the event loop.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from netattach_core.errors import EnvironmentVariableError, TryAgainError

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Opener:
    """The thread. It has to return each time: a namespace exists, with its interfaces, as long as a thread is in it."""

    def __init__(self) -> None:
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="netns")

    def sockets(self, netns: int, passed: Sequence[int]) -> PodSockets:
        """The sockets of one pod, of which `passed` has two if the shim has created some."""
        return PodSockets(self, netns, tuple(passed))

    async def open_in(self, netns: int) -> socket.socket:
        """A route socket in the namespace of a descriptor. Raises EnvironmentVariableError, TryAgainError."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._open, netns)
        except PermissionError as error:
            raise TryAgainError(
                "the shim of this call passed no sockets in the pod's network namespace, as that of an earlier release, and the "
                "daemon must not enter it; the runtime will try again, with the shim that is installed now"
            ) from error
        except OSError as error:
            raise _not_entered(error) from error

    def _open(self, netns: int) -> socket.socket:
        _enter(netns)
        try:
            return socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
            )
        finally:
            _enter(self._home)


@dataclass(frozen=True, slots=True)
class PodSockets:
    """The sockets of one pod. Each may be opened once at a time; who opens one closes it."""

    opener: Opener
    netns: int
    passed: tuple[int, ...]

    async def links(self, groups: int) -> socket.socket:
        """A non-blocking socket that receives `groups` of the namespace. Raises EnvironmentVariableError, TryAgainError."""
        route = await self._socket(0)
        route.bind((0, groups))
        return route

    async def routes(self) -> socket.socket:
        """A non-blocking socket for requests. Raises EnvironmentVariableError, TryAgainError."""
        return await self._socket(1)

    async def _socket(self, which: int) -> socket.socket:
        route = _own(self.passed[which]) if self.passed else await self.opener.open_in(self.netns)
        route.setblocking(False)
        return route


def _own(passed: int) -> socket.socket:
    """The same socket under a descriptor of our own. Raises EnvironmentVariableError for anything but a route socket."""
    descriptor = os.dup(passed)
    try:
        route = socket.socket(fileno=descriptor)
    except OSError as error:
        os.close(descriptor)
        raise _not_entered(error) from error
    if (route.family, route.proto) != (socket.AF_NETLINK, socket.NETLINK_ROUTE):
        route.close()
        raise EnvironmentVariableError("CNI_NETNS: the shim passed a socket that is not NETLINK_ROUTE")
    return route


def _not_entered(error: OSError) -> EnvironmentVariableError:
    return EnvironmentVariableError(f"CNI_NETNS: the network namespace cannot be entered: {error.strerror}")


def _enter(netns: int) -> None:
    if _libc.setns(netns, _CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
