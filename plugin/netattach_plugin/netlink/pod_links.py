"""The links in one pod, with notifications of new ones."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from pyroute2.netlink import NLMSG_DONE
from pyroute2.netlink.rtnl import RTM_DELLINK, RTM_NEWLINK, RTMGRP_LINK

from netattach_plugin.netlink import link_messages, wire
from netattach_plugin.netlink.native_links import NativeLinks, open_native
from netattach_plugin.netlink.pod_routes import PodRoutes, open_routes
from netattach_plugin.netlink.sockets import PodSockets


@asynccontextmanager
async def open_links(sockets: PodSockets) -> AsyncIterator[PodLinks]:
    """The links of a network namespace, kept up to date until the context is left."""
    route = await sockets.links(RTMGRP_LINK)
    links = PodLinks(route, lambda: open_routes(sockets), lambda path: open_native(sockets, path))
    try:
        await links.dump()
        yield links
    finally:
        links.close()


class PodLinks:
    """The links according to the socket's messages; names by index, since plugins rename links after creating them."""

    def __init__(
        self,
        route: socket.socket,
        routes: Callable[[], AbstractAsyncContextManager[PodRoutes]],
        native: Callable[[str], AbstractAsyncContextManager[NativeLinks]],
    ) -> None:
        self._route = route
        self.routes = routes
        self.native = native
        self._names: dict[int, str] = {}
        self._dumped = asyncio.Event()
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(route, self._read)

    async def names(self) -> frozenset[str]:
        return frozenset(self._names.values())

    async def appeared(self, name: str) -> None:
        while name not in self._names.values():
            self._changed.clear()
            await self._changed.wait()

    async def dump(self) -> None:
        """Requests all links and waits for the end of the dump."""
        self._request_dump()
        await self._dumped.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._route)
        self._route.close()

    def _request_dump(self) -> None:
        self._route.send(link_messages.request())

    def _read(self) -> None:
        try:
            received = self._route.recv(wire.BUFFER)
        except OSError as error:
            if error.errno == errno.ENOBUFS:  # messages were lost
                self._request_dump()
            return
        for kind, body in wire.messages(received):
            if kind == RTM_NEWLINK:
                self._names[link_messages.index(body)] = link_messages.name(body)
            elif kind == RTM_DELLINK:
                self._names.pop(link_messages.index(body), None)
            elif kind == NLMSG_DONE:
                self._dumped.set()
        self._changed.set()
