"""Routes of the main table over one route socket (`vishvananda/netlink: RouteAdd, RouteDel`)."""

from __future__ import annotations

import ipaddress
import struct

from pyroute2.netlink import NLM_F_CREATE, NLM_F_EXCL
from pyroute2.netlink.rtnl import RTM_DELROUTE, RTM_NEWROUTE

from netattach_core.net.addresses import IpAddress
from netattach_plugin.netlink import wire
from netattach_plugin.netlink.route_socket import RouteSocket

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYWHERE, LINK, HOST = 0, 253, 254  # RT_SCOPE_*
_NOWHERE = 255
_FAMILIES = {4: 2, 6: 10}
_RTMSG = struct.Struct("=BBBBBBBBI")  # rtmsg: family, both prefixes, tos, table, protocol, scope, type, flags
_DST, _OIF, _GATEWAY, _SOURCE = 1, 4, 5, 7  # RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PREFSRC
_MAIN_TABLE, _BOOT, _UNICAST = 254, 3, 1


def add(
    route: RouteSocket,
    index: int,
    to: IpNetwork,
    scope: int,
    *,
    gateway: IpAddress | None = None,
    source: IpAddress | None = None,
) -> None:
    """Raises OSError, EEXIST for one that exists."""
    body = _head(to, _BOOT, scope, _UNICAST)
    body += wire.attribute(_SOURCE, source.packed) if source else b""
    body += wire.attribute(_GATEWAY, gateway.packed) if gateway else b""
    route.request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, body + wire.number(_OIF, index))


def delete(route: RouteSocket, index: int, to: IpNetwork) -> None:
    """The first route to this network over the link. Raises OSError, ESRCH for none."""
    route.request(RTM_DELROUTE, 0, _head(to, 0, _NOWHERE, 0) + wire.number(_OIF, index))


def _head(to: IpNetwork, protocol: int, scope: int, kind: int) -> bytes:
    header = _RTMSG.pack(_FAMILIES[to.version], to.prefixlen, 0, 0, _MAIN_TABLE, protocol, scope, kind, 0)
    return header + wire.attribute(_DST, to.network_address.packed)
