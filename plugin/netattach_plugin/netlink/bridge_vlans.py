"""The VLANs that bridges with VLAN filtering, and their ports, let through (net/bridge/br_netlink.c)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping, Sequence

from pyroute2.netlink import NLM_F_DUMP
from pyroute2.netlink.rtnl import RTM_GETLINK, RTM_NEWLINK

from netattach_plugin.netlink import link_messages, wire
from netattach_plugin.netlink.link_messages import Link
from netattach_plugin.netlink.route_socket import RouteSocket

_LINK = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_VLAN = struct.Struct("=HH")  # bridge_vlan_info: flags, VLAN ID
_FILTER, _SPECIFIC = 29, 26  # IFLA_EXT_MASK, IFLA_AF_SPEC
_COMPRESSED = 1 << 2  # RTEXT_FILTER_BRVLAN_COMPRESSED: as ranges
_VLAN_INFO = 2  # IFLA_BRIDGE_VLAN_INFO
_RANGE_BEGIN = 1 << 3  # BRIDGE_VLAN_INFO_RANGE_BEGIN


def by_link(route: RouteSocket, links: Sequence[Link]) -> Mapping[int, tuple[str, ...]]:
    """VLAN IDs and ranges of them, "10-20", by the link's index. Asks the kernel only where a bridge filters VLANs.

    Raises OSError.
    """
    bridges = {link.index for link in links if link.filters_vlans}
    if not bridges:
        return {}
    wanted = bridges | {link.index for link in links if link.controller in bridges}
    body = _LINK.pack(socket.AF_BRIDGE, 0, 0, 0, 0) + wire.number(_FILTER, _COMPRESSED)
    listed = [
        content for kind, content in route.request(RTM_GETLINK, NLM_F_DUMP, body) if kind == RTM_NEWLINK
    ]
    found = {link_messages.index(content): tuple(_vlans(content)) for content in listed}
    return {index: vlans for index, vlans in found.items() if index in wanted}


def _vlans(body: bytes) -> Iterator[str]:
    first = 0
    specific = wire.selected(body, _LINK.size, {_SPECIFIC}).get(_SPECIFIC, b"")
    for kind, value in wire.attributes(specific, 0):
        if kind == _VLAN_INFO:
            flags, vlan = _VLAN.unpack_from(value)
            if flags & _RANGE_BEGIN:
                first = vlan
                continue
            yield f"{first}-{vlan}" if first else str(vlan)
            first = 0
