"""Routes over one route socket (`vishvananda/netlink: RouteAdd, RouteAddEcmp, RouteDel`)."""

from __future__ import annotations

import struct

from pyroute2.netlink import NLM_F_CREATE, NLM_F_EXCL
from pyroute2.netlink.rtnl import RTM_DELROUTE, RTM_NEWROUTE

from netattach_core.net.addresses import IpAddress, IpInterface
from netattach_plugin.netlink import wire
from netattach_plugin.netlink.route_socket import RouteSocket

EVERYWHERE, LINK, HOST = 0, 253, 254  # RT_SCOPE_*
_NOWHERE = 255
_FAMILIES = {4: 2, 6: 10}
_RTMSG = struct.Struct("=BBBBBBBBI")  # rtmsg: family, both prefixes, tos, table, protocol, scope, type, flags
_DST, _OIF, _GATEWAY, _PRIORITY, _SOURCE, _TABLE = 1, 4, 5, 6, 7, 15  # RTA_*, RTA_PREFSRC
MAIN_TABLE = 254
_BOOT, _UNICAST = 3, 1
_LARGEST_TABLE = 0xFF
"""In the header; others are an attribute."""


def add(  # noqa: PLR0913  # what a route consists of
    route: RouteSocket,
    index: int,
    to: IpInterface,
    scope: int,
    *,
    gateway: IpAddress | None = None,
    source: IpAddress | None = None,
    table: int = MAIN_TABLE,
    priority: int = 0,
    next_to_others: bool = False,
) -> None:
    """Host bits of `to` are passed on: the kernel refuses them. Raises OSError, EEXIST for a route that exists.

    `next_to_others`: it may be one more for the same network (`RouteAddEcmp`).
    """
    body = _head(to, _BOOT, scope, _UNICAST, table) + wire.number(_OIF, index)
    body += wire.attribute(_SOURCE, source.packed) if source else b""
    body += wire.attribute(_GATEWAY, gateway.packed) if gateway else b""
    body += wire.number(_PRIORITY, priority) if priority else b""
    route.request(RTM_NEWROUTE, NLM_F_CREATE | (0 if next_to_others else NLM_F_EXCL), body)


def delete(route: RouteSocket, index: int, to: IpInterface) -> None:
    """The first route to this network over the link. Raises OSError, ESRCH for none."""
    route.request(RTM_DELROUTE, 0, _head(to, 0, _NOWHERE, 0, MAIN_TABLE) + wire.number(_OIF, index))


def _head(to: IpInterface, protocol: int, scope: int, kind: int, table: int) -> bytes:
    prefix = to.network.prefixlen
    header = _RTMSG.pack(_FAMILIES[to.version], prefix, 0, 0, table & 0xFF, protocol, scope, kind, 0)
    number = wire.number(_TABLE, table) if table > _LARGEST_TABLE else b""
    return header + wire.attribute(_DST, to.packed) + number
