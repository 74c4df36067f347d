"""The default routes in one pod: lists, removes and adds them over a socket in its namespace; the kernel confirms each change."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pyroute2.netlink import NLMSG_DONE, NLMSG_ERROR
from pyroute2.netlink.rtnl import RTM_NEWLINK, RTM_NEWROUTE

from netattach_core.attach.default_route import DefaultRoute
from netattach_plugin.netlink import link_messages, route_messages, wire
from netattach_plugin.netlink.route_messages import KernelRoute
from netattach_plugin.netlink.sockets import PodSockets

_ERROR = struct.Struct("=i")


@asynccontextmanager
async def open_routes(sockets: PodSockets) -> AsyncIterator[PodRoutes]:
    """The routes of a network namespace. Raises EnvironmentVariableError, TryAgainError, OSError."""
    with await sockets.routes() as route:
        routes = PodRoutes(route)
        await routes.name_links()
        yield routes


class PodRoutes:
    """The port `Routes`. One request at a time: the socket receives only responses."""

    def __init__(self, route: socket.socket) -> None:
        self._route = route
        self._names: dict[int, str] = {}
        self._listed: list[KernelRoute] = []

    async def name_links(self) -> None:
        """Reads the names of links by index."""
        for kind, body in await self._request(link_messages.request()):
            if kind == RTM_NEWLINK:
                self._names[link_messages.index(body)] = link_messages.name(body)

    async def all(self) -> list[DefaultRoute]:
        self._listed = []
        for family in route_messages.FAMILIES:
            for kind, body in await self._request(route_messages.listing(family)):
                found = (
                    route_messages.default_route(body, family, self._names) if kind == RTM_NEWROUTE else None
                )
                self._listed += [found] if found else []
        return [listed.route for listed in self._listed]

    async def remove(self, route: DefaultRoute) -> None:
        for listed in self._listed:
            if listed.route == route:
                await self._request(route_messages.removal(listed))

    async def add(self, route: DefaultRoute) -> None:
        index = next((i for i, name in self._names.items() if name == route.hops[0].ifname), None)
        if index is None:
            raise OSError(19, os.strerror(19))
        await self._request(route_messages.addition(route, index))

    async def _request(self, request: bytes) -> list[tuple[int, bytes]]:
        """The type and body of each message of the response. Raises OSError if the kernel refuses."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._route, request)
        response: list[tuple[int, bytes]] = []
        while True:
            for kind, body in wire.messages(await loop.sock_recv(self._route, wire.BUFFER)):
                if kind == NLMSG_ERROR and _ERROR.unpack_from(body)[0]:
                    number = -_ERROR.unpack_from(body)[0]
                    raise OSError(number, os.strerror(number))
                if kind in {NLMSG_ERROR, NLMSG_DONE}:
                    return response
                response.append((kind, body))
