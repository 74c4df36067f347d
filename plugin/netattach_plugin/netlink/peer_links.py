"""The links of another network namespace, asked for over a socket in our own.

The kernel lists them for a namespace that has an id in ours (IFLA_TARGET_NETNSID, since Linux 4.15; rtnetlink.c), to whoever has
CAP_NET_ADMIN over it. The id is assigned here where it has none yet; `ip netns` and each veth pair do the same. So a DEL,
which has no socket of the shim, can look and delete, and the daemon need not enter the namespace.
"""

from __future__ import annotations

import contextlib
import socket
import struct

from pyroute2.netlink.rtnl import RTM_GETNSID, RTM_NEWNSID

from netattach_plugin.netlink import links, route_socket, wire
from netattach_plugin.netlink.route_socket import RouteSocket

_FAMILY = struct.pack("=Bxxx", socket.AF_UNSPEC)  # rtgenmsg, padded
_NUMBER = struct.Struct("=i")
_ID, _DESCRIPTOR = 1, 3  # NETNSA_*
_NONE = -1  # NETNSA_NSID_NOT_ASSIGNED; in a request: any free one


def names(netns: int) -> frozenset[str]:
    """The names of the links in the namespace of a descriptor. Raises OSError. Does not wait: the kernel responds at once."""
    with route_socket.of_node() as node:
        return frozenset(link.name for link in links.all_in(node, id_of(node, netns)))


def id_of(node: RouteSocket, netns: int) -> int:
    """The id of the namespace in ours. Raises OSError."""
    found = _assigned(node, netns)
    if found == _NONE:
        wanted = wire.attribute(_ID, _NUMBER.pack(_NONE)) + wire.number(_DESCRIPTOR, netns)
        with contextlib.suppress(FileExistsError):  # somebody else assigned one meanwhile
            node.request(RTM_NEWNSID, 0, _FAMILY + wanted)
        found = _assigned(node, netns)
    return found


def _assigned(node: RouteSocket, netns: int) -> int:
    response = node.request(RTM_GETNSID, 0, _FAMILY + wire.number(_DESCRIPTOR, netns))
    (body,) = (body for kind, body in response if kind == RTM_NEWNSID)
    return int(_NUMBER.unpack(dict(wire.attributes(body, len(_FAMILY)))[_ID])[0])
