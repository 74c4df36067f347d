"""Notifications of changes of the node's links, addresses or routes, without their content."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pyroute2.netlink.rtnl import (
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV4_ROUTE,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
)

_GROUPS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE
_BUFFER = 1 << 16


@contextmanager
def watched(changed: Callable[[], None]) -> Iterator[None]:
    """Calls `changed` after messages of the kernel, including lost ones, until the context is left."""
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    ) as route:
        route.bind((0, _GROUPS))
        route.setblocking(False)

        def drain() -> None:
            while _receives(route):
                pass
            changed()

        loop = asyncio.get_running_loop()
        loop.add_reader(route, drain)
        try:
            yield
        finally:
            loop.remove_reader(route)


def _receives(route: socket.socket) -> bool:
    try:
        route.recv(_BUFFER)
    except OSError as error:
        return error.errno == errno.ENOBUFS  # messages were lost, which is a change too
    return True
