"""The names of the links of another network namespace, asked for over a socket in our own.

The kernel lists them for a namespace that has an id in ours (IFLA_TARGET_NETNSID, since Linux 4.15; rtnetlink.c), to whoever has
CAP_NET_ADMIN over it. The id is assigned here where it has none yet; `ip netns` and each veth pair do the same. So a DEL,
which has no socket of the shim, can look, and the daemon need not enter the namespace.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct

from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR
from pyroute2.netlink.rtnl import RTM_GETLINK, RTM_GETNSID, RTM_NEWLINK, RTM_NEWNSID

from netattach_plugin.netlink import link_messages
from netattach_plugin.netlink.link_messages import attributes

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_FAMILY = struct.pack("=Bxxx", socket.AF_UNSPEC)  # rtgenmsg, padded
_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_NUMBER_ATTRIBUTE = struct.Struct("=HHi")  # rtattr with a value of four bytes: length, type, value
_NUMBER = struct.Struct("=i")
_ID, _DESCRIPTOR = 1, 3  # NETNSA_*
_TARGET = 46  # IFLA_TARGET_NETNSID
_NONE = -1  # NETNSA_NSID_NOT_ASSIGNED; in a request: any free one


def names(netns: int) -> frozenset[str]:
    """The names of the links in the namespace of a descriptor. Raises OSError. Does not wait: the kernel responds at once."""
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    ) as route:
        route.setblocking(False)
        target = _id(route, netns)
        found = []
        for kind, body in _request(
            route, RTM_GETLINK, NLM_F_DUMP, _LINK.pack(0, 0, 0, 0, 0) + _number(_TARGET, target)
        ):
            if kind == RTM_NEWLINK:
                if dict(attributes(body, _LINK.size)).get(_TARGET) != _NUMBER.pack(target):
                    raise OSError(
                        errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP)
                    )  # an old kernel lists our own
                found.append(link_messages.name(body))
    return frozenset(found)


def _id(route: socket.socket, netns: int) -> int:
    """The id of the namespace in ours."""
    found = _assigned(route, netns)
    if found == _NONE:
        wanted = _FAMILY + _number(_ID, _NONE) + _number(_DESCRIPTOR, netns)
        with contextlib.suppress(FileExistsError):  # somebody else assigned one meanwhile
            _request(route, RTM_NEWNSID, NLM_F_ACK, wanted)
        found = _assigned(route, netns)
    return found


def _assigned(route: socket.socket, netns: int) -> int:
    response = _request(route, RTM_GETNSID, NLM_F_ACK, _FAMILY + _number(_DESCRIPTOR, netns))
    (body,) = (body for kind, body in response if kind == RTM_NEWNSID)
    return int(_NUMBER.unpack(dict(attributes(body, len(_FAMILY)))[_ID])[0])


def _request(route: socket.socket, kind: int, flags: int, body: bytes) -> list[tuple[int, bytes]]:
    """The type and body of each message of the response. Raises OSError if the kernel refuses."""
    route.send(_HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body)
    response: list[tuple[int, bytes]] = []
    while True:
        for received, content in link_messages.messages(route.recv(link_messages.BUFFER)):
            number = -_NUMBER.unpack_from(content)[0] if received == NLMSG_ERROR else 0
            if number:
                raise OSError(number, os.strerror(number))
            if received in {NLMSG_ERROR, NLMSG_DONE}:
                return response
            response.append((received, content))


def _number(kind: int, value: int) -> bytes:
    return _NUMBER_ATTRIBUTE.pack(_NUMBER_ATTRIBUTE.size, kind, value)
