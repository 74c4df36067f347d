"""The links in one pod, with notifications of new ones."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import socket
import struct
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pyroute2.netlink.rtnl import RTMGRP_LINK

from netattach_plugin.netlink import wire
from netattach_plugin.netlink.native_links import NativeLinks, open_native
from netattach_plugin.netlink.pod_routes import PodRoutes, open_routes
from netattach_plugin.netlink.sockets import PodSockets

_SIOCGIFINDEX = 0x8933
_IFREQ = struct.Struct("16s24x")  # the name, room for the answer (linux/if.h)


@asynccontextmanager
async def open_links(sockets: PodSockets, *, is_node: bool = False) -> AsyncIterator[PodLinks]:
    """The links of a network namespace, until the context is left; `is_node`: it takes the place of the node's for drivers."""
    with await sockets.links(RTMGRP_LINK) as route:
        yield PodLinks(
            route, lambda: open_routes(sockets), lambda path: open_native(sockets, path, is_node=is_node)
        )


class PodLinks:
    """The links of the socket's namespace. Names are asked for one by one, also alternative ones.

    By ioctl: a netlink request waits for the lock of all changes of links (RTNL), which another pod may hold for long. What the
    socket receives only says that something has changed, so it is read only while somebody waits for a link.
    """

    def __init__(
        self,
        route: socket.socket,
        routes: Callable[[], AbstractAsyncContextManager[PodRoutes]],
        native: Callable[[str], AbstractAsyncContextManager[NativeLinks]],
    ) -> None:
        self._route = route
        self.routes = routes
        self.native = native
        self._waiting = 0
        self._changed = asyncio.Event()

    async def existing(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(filter(self._exists, names))

    async def appeared(self, name: str) -> None:
        with self._listening():
            while not self._exists(name):
                self._changed.clear()
                await self._changed.wait()

    def _exists(self, name: str) -> bool:
        """The name of an interface, so 15 bytes at most."""
        try:
            fcntl.ioctl(self._route, _SIOCGIFINDEX, _IFREQ.pack(name.encode()))
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            return False
        return True

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.add_reader(self._route.fileno(), self._read)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                loop.remove_reader(self._route.fileno())

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # ENOBUFS: messages were lost, so something has changed
            self._route.recv(wire.BUFFER)
        self._changed.set()
