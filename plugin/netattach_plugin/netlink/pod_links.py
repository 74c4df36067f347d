"""The links in one pod: which are there, and when another one comes.

Of each message only the index and the name are wanted, so they are read here: pyroute2 decodes all of a link's some sixty
attributes, 0.4 ms each time, and a pod's start is a dozen such messages.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from pyroute2.netlink import NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE
from pyroute2.netlink.rtnl import RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTMGRP_LINK

from netattach_plugin.netlink.sockets import Opener

_BUFFER = 1 << 17
_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_ATTRIBUTE = struct.Struct("=HH")  # rtattr: length, type
_IFLA_IFNAME = 3


@asynccontextmanager
async def open_links(opener: Opener, netns: int) -> AsyncIterator[PodLinks]:
    """The links of the namespace behind a descriptor, kept up to date until the context is left."""
    route = await opener.open_in(netns, RTMGRP_LINK)
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
        self._ask()
        await self._dumped.wait()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._route)
        self._route.close()

    def _ask(self) -> None:
        size = _HEADER.size + _LINK.size
        header = _HEADER.pack(size, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
        self._route.send(header + _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0))

    def _read(self) -> None:
        try:
            news = self._route.recv(_BUFFER)
        except OSError as error:
            if error.errno == errno.ENOBUFS:  # news were lost: all is told anew
                self._ask()
            return
        for kind, body in _messages(news):
            if kind == RTM_NEWLINK:
                index = _LINK.unpack_from(body)[2]
                self._names[index] = _name(body)
            elif kind == RTM_DELLINK:
                self._names.pop(_LINK.unpack_from(body)[2], None)
            elif kind == NLMSG_DONE:
                self._dumped.set()
        self._changed.set()


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        size, kind, *_ = _HEADER.unpack_from(data, at)
        yield kind, data[at + _HEADER.size : at + size]
        at += max(_aligned(size), _HEADER.size)


def _name(body: bytes) -> str:
    at = _LINK.size
    while at + _ATTRIBUTE.size <= len(body):
        size, kind = _ATTRIBUTE.unpack_from(body, at)
        if kind == _IFLA_IFNAME:
            return body[at + _ATTRIBUTE.size : at + size].rstrip(b"\0").decode(errors="replace")
        at += max(_aligned(size), _ATTRIBUTE.size)
    return ""


def _aligned(size: int) -> int:
    return (size + 3) & ~3
