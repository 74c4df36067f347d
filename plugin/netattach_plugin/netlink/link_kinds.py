"""Which kinds of links the kernel can make: one of each is created in a namespace that has nothing else.

A kind whose module the kernel loads for it counts as available.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket

from netattach_core.api.inventory import TRIED_LINK_KINDS
from netattach_core.attach.probe_network import PARENT
from netattach_plugin.netlink import links, wire
from netattach_plugin.netlink.links import NewLink
from netattach_plugin.netlink.route_socket import RouteSocket

_TRIED = "tried0"
_PARENTS = ("dummy", "veth")
_NEED_PARENT = frozenset({"ipvlan", "macvlan", "vlan"})
_VLAN_ID, _VRF_TABLE = 1, 1  # IFLA_VLAN_ID, IFLA_VRF_TABLE
_DATA = {"vlan": wire.short(_VLAN_ID, 1), "vrf": wire.number(_VRF_TABLE, 1)}
_UNKNOWN = errno.EOPNOTSUPP
"""What the kernel returns for a kind that it neither has nor can load (rtnetlink.c: rtnl_newlink)."""


def available(route_socket: int) -> tuple[str, ...]:
    """Those of TRIED_LINK_KINDS, by a route socket in an empty namespace; leaves the link PARENT there. Raises OSError.

    For threads: it waits for the kernel.
    """
    with RouteSocket(socket.socket(fileno=os.dup(route_socket))) as route:
        parent = _parent(route)
        return tuple(kind for kind in TRIED_LINK_KINDS if _is_available(route, kind, parent))


def _parent(route: RouteSocket) -> int:
    """The index of the link below others, 0 where the kernel makes none that could be."""
    for kind in _PARENTS:
        with contextlib.suppress(OSError):
            links.create(route, NewLink(kind, PARENT), up=True)
            return links.by_name(route, PARENT).index
    return 0


def _is_available(route: RouteSocket, kind: str, parent: int) -> bool:
    """A kind that the kernel knows and refuses, as without a parent, is available."""
    new = NewLink(kind, _TRIED, data=_DATA.get(kind, b""), parent=parent if kind in _NEED_PARENT else 0)
    try:
        links.create(route, new)
        links.delete(route, links.by_name(route, _TRIED).index)
    except OSError as error:
        return error.errno != _UNKNOWN
    return True
