"""The links in one pod: which are there, and when another one comes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE
from pyroute2.netlink.rtnl import RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTMGRP_LINK
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

from netattach_plugin.netlink import sockets

_BUFFER = 1 << 16


@asynccontextmanager
async def open_links(netns: int) -> AsyncIterator[PodLinks]:
    """The links of the namespace behind a descriptor, kept up to date until the context is left."""
    route = await sockets.open_in(netns, RTMGRP_LINK)
    links = PodLinks(route)
    try:
        await links.dump()
        yield links
    finally:
        links.close()


class PodLinks:
    """What the namespace's socket has told so far; names by index, since a link is renamed after it was made."""

    def __init__(self, route: socket.socket) -> None:
        self._route = route
        self._marshal = MarshalRtnl()
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
        """Asks for all links and waits for the end of the answer."""
        request = ifinfmsg()
        request["header"] = {"type": RTM_GETLINK, "flags": NLM_F_REQUEST | NLM_F_DUMP, "sequence_number": 1, "pid": 0}
        request.encode()
        self._route.send(request.data)
        await self._dumped.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._route)
        self._route.close()

    def _read(self) -> None:
        for message in self._marshal.parse(self._route.recv(_BUFFER)):
            kind = message["header"]["type"]
            if kind == RTM_NEWLINK:
                self._names[message["index"]] = message.get_attr("IFLA_IFNAME")
            elif kind == RTM_DELLINK:
                self._names.pop(message["index"], None)
            elif kind == NLMSG_DONE:
                self._dumped.set()
        self._changed.set()
