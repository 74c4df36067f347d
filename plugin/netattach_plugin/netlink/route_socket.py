"""Requests over one route socket. The kernel carries each out while it is sent, so its response can be read at once.

A request may wait in the kernel for the lock that all changes of links share (RTNL): for threads, not for the event loop.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Self

from pyroute2.netlink import NLM_F_ACK, NLMSG_DONE, NLMSG_ERROR

from netattach_plugin.netlink import wire

_ERROR = struct.Struct("=i")


class RouteSocket:
    """Owns the socket until `close`. For one thread at a time."""

    def __init__(self, route: socket.socket) -> None:
        self._route = route

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._route.close()

    def request(self, kind: int, flags: int, body: bytes) -> list[tuple[int, bytes]]:
        """The type and body of each message of the response. Raises OSError if the kernel refuses."""
        return list(self.responses(kind, flags, body))

    def responses(self, kind: int, flags: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        """The same one by one, for a list of any length: a pod may have as many links as it likes. Has to be read to its end."""
        self._route.send(wire.request(kind, flags | NLM_F_ACK, body))
        while True:
            for received, content in wire.messages(self._route.recv(wire.BUFFER)):
                number = -_ERROR.unpack_from(content)[0] if received == NLMSG_ERROR else 0
                if number:
                    raise OSError(number, os.strerror(number))
                if received in {NLMSG_ERROR, NLMSG_DONE}:
                    return
                yield received, content


def of_node() -> RouteSocket:
    """A socket in the namespace of this process."""
    return RouteSocket(
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    )
