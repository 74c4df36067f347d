"""The default routes in one pod, over a socket of its namespace: told, removed, added, each change confirmed by the kernel."""

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
from netattach_plugin.netlink import link_messages, route_messages
from netattach_plugin.netlink.route_messages import Told
from netattach_plugin.netlink.sockets import Opener

_ERROR = struct.Struct("=i")


@asynccontextmanager
async def open_routes(opener: Opener, netns: int) -> AsyncIterator[PodRoutes]:
    """The routes of the namespace behind a descriptor. Raises EnvironmentVariableError, OSError."""
    with await opener.open_in(netns, 0) as route:
        routes = PodRoutes(route)
        await routes.name_links()
        yield routes


class PodRoutes:
    """The port `Routes`. One question at a time: the socket hears nothing but answers."""

    def __init__(self, route: socket.socket) -> None:
        self._route = route
        self._names: dict[int, str] = {}
        self._told: list[Told] = []

    async def name_links(self) -> None:
        """Looks up which index has which name."""
        for kind, body in await self._ask(link_messages.request()):
            if kind == RTM_NEWLINK:
                self._names[link_messages.index(body)] = link_messages.name(body)

    async def all(self) -> list[DefaultRoute]:
        self._told = []
        for family in route_messages.FAMILIES:
            for kind, body in await self._ask(route_messages.listing(family)):
                told = (
                    route_messages.default_route(body, family, self._names) if kind == RTM_NEWROUTE else None
                )
                self._told += [told] if told else []
        return [told.route for told in self._told]

    async def remove(self, route: DefaultRoute) -> None:
        for told in self._told:
            if told.route == route:
                await self._ask(route_messages.removal(told))

    async def add(self, route: DefaultRoute) -> None:
        index = next((i for i, name in self._names.items() if name == route.hops[0].ifname), None)
        if index is None:
            raise OSError(19, os.strerror(19))
        await self._ask(route_messages.addition(route, index))

    async def _ask(self, request: bytes) -> list[tuple[int, bytes]]:
        """The messages of the answer, each with its type. Raises OSError where the kernel refuses."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._route, request)
        heard: list[tuple[int, bytes]] = []
        while True:
            for kind, body in link_messages.messages(await loop.sock_recv(self._route, link_messages.BUFFER)):
                if kind == NLMSG_ERROR and _ERROR.unpack_from(body)[0]:
                    number = -_ERROR.unpack_from(body)[0]
                    raise OSError(number, os.strerror(number))
                if kind in {NLMSG_ERROR, NLMSG_DONE}:
                    return heard
                heard.append((kind, body))
