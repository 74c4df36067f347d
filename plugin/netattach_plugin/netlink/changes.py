"""Notifications of changes of the node's links, addresses or default routes, without those that come with every pod.

The start of a pod causes a dozen messages: its link, what the bridge and the kernel do about that, a link-local address and its
routes. Nothing of it is in the inventory, whose collection costs more than to look at these messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import socket
import struct
from collections.abc import Callable, Iterator

from pyroute2.netlink.rtnl import (
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV4_ROUTE,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
)

from netattach_core.api import inventory
from netattach_plugin.netlink import link_messages, wire
from netattach_plugin.netlink.link_messages import Link

_GROUPS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE
_BUFFER = 1 << 16
_QUEUED = 1 << 21
"""Bytes of messages that the kernel keeps: those of some hundred pods."""

_INTERVAL = 0.1
_MOST_AT_ONCE = 64
"""Messages that are read without a break: 1 ms."""

_SO_RCVBUFFORCE = 33

_MOST_LINKS = 4096
"""Links whose last state is kept; a link more only means that each message about it counts as a change."""

_LINK_SCOPE = 253  # RT_SCOPE_LINK
_ADDRESS = struct.Struct("=BBBB")  # ifaddrmsg: family, prefix length, flags, scope
_ROUTE = struct.Struct("=BB")  # rtmsg: family, length of the destination


class Changes:
    """Which messages are about something that the inventory has."""

    def __init__(self) -> None:
        self._links: dict[int, Link] = {}

    def matter(self, data: bytes) -> bool:
        """Whether one of the kernel's messages in `data` does; each has to be passed, in order."""
        matter = [self._matters(kind, body) for kind, body in wire.messages(data)]
        return any(matter)

    def _matters(self, kind: int, body: bytes) -> bool:
        """True for what cannot be read."""
        try:
            if kind in {RTM_NEWLINK, RTM_DELLINK}:
                return self._link_matters(kind, body)
            if kind in {RTM_NEWADDR, RTM_DELADDR}:
                return int(_ADDRESS.unpack_from(body)[3]) != _LINK_SCOPE
            if kind in {RTM_NEWROUTE, RTM_DELROUTE}:
                return int(_ROUTE.unpack_from(body)[1]) == 0
        except struct.error:
            return True
        return True

    def _link_matters(self, kind: int, body: bytes) -> bool:
        """A veth of a pod's name may have an address and be in the inventory: the messages about the address matter."""
        of_a_bridge = link_messages.family(body) == socket.AF_BRIDGE
        if inventory.is_pod_link_name(link_messages.name(body)) and (
            of_a_bridge or link_messages.kind(body) == inventory.POD_LINK_KIND
        ):
            return False
        link = link_messages.link(body)
        if kind == RTM_DELLINK or of_a_bridge:
            self._links.pop(link.index, None)
            return True
        return self._is_new(link)

    def _is_new(self, link: Link) -> bool:
        """Whether it differs from the last message, but for the MAC address of a bridge, which that takes from its ports."""
        link = dataclasses.replace(link, mac="") if link.kind == "bridge" else link
        before = self._links.get(link.index)
        if before is not None or len(self._links) < _MOST_LINKS:
            self._links[link.index] = link
        return before != link


@contextlib.contextmanager
def watched(changed: Callable[[], None]) -> Iterator[None]:
    """Calls `changed` after messages of the kernel that matter, and after lost ones, until the context is left."""
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    ) as route:
        route.bind((0, _GROUPS))
        route.setblocking(False)
        with contextlib.suppress(PermissionError):
            route.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _QUEUED)
        listener = _Listener(route, changed)
        listener.listen()
        try:
            yield
        finally:
            listener.close()


class _Listener:
    """Reads the socket at intervals, once something has arrived: a pod's dozen messages come one by one while plugins run."""

    def __init__(self, route: socket.socket, changed: Callable[[], None]) -> None:
        self._route = route
        self._changed = changed
        self._changes = Changes()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def listen(self) -> None:
        self._loop.add_reader(self._route.fileno(), self._wait)

    def close(self) -> None:
        self._loop.remove_reader(self._route.fileno())
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._loop.remove_reader(self._route.fileno())
        self._timer = self._loop.call_later(_INTERVAL, self._drain)

    def _drain(self) -> None:
        matter = [not data or self._changes.matter(data) for data in _received(self._route)]
        self.listen()
        if any(matter):
            self._changed()


def _received(route: socket.socket) -> Iterator[bytes]:
    """What has arrived, but no more than the event loop has time for; b"" for messages that were lost."""
    for _ in range(_MOST_AT_ONCE):
        try:
            yield route.recv(_BUFFER)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                return
            yield b""
