"""Settings of a bridge's port (net/bridge/br_netlink.c): hairpin mode, isolation, VLANs."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from pyroute2.netlink.rtnl import RTM_DELLINK, RTM_SETLINK

from netattach_plugin.netlink import wire
from netattach_plugin.netlink.route_socket import RouteSocket

_AF_BRIDGE = 7
_IFINFO = struct.Struct("=BxHiII")  # ifinfomsg: family, type, index, flags, change
_PROTINFO, _AF_SPEC = 12, 26  # IFLA_*
_HAIRPIN, _ISOLATED = 4, 33  # IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED
_FLAGS, _VLAN_INFO = 0, 2  # IFLA_BRIDGE_*
_CONTROLLER = struct.pack("=H", 1)  # BRIDGE_FLAGS_MASTER: the port's VLANs, not those of the bridge itself
_VLAN = struct.Struct("=HH")  # bridge_vlan_info: flags, id
_PVID, _UNTAGGED, _BEGIN, _END = 2, 4, 8, 16  # BRIDGE_VLAN_INFO_*
_ON, _OFF = b"\1", b"\0"


def set_modes(route: RouteSocket, index: int, *, hairpin: bool, isolated: bool) -> None:
    """Raises OSError."""
    modes = wire.attribute(_HAIRPIN, _ON if hairpin else _OFF) + wire.attribute(
        _ISOLATED, _ON if isolated else _OFF
    )
    route.request(RTM_SETLINK, 0, _port(index) + wire.nested(_PROTINFO, modes))


def native_vlan(vlan: int) -> bytes:
    """The VLAN of untagged frames, in both directions."""
    return wire.attribute(_VLAN_INFO, _VLAN.pack(_PVID | _UNTAGGED, vlan))


def tagged_vlans(first: int, last: int) -> bytes:
    """A range of VLANs whose frames are tagged."""
    if first == last:
        return wire.attribute(_VLAN_INFO, _VLAN.pack(0, first))
    begin, end = _VLAN.pack(_BEGIN, first), _VLAN.pack(_END, last)
    return wire.attribute(_VLAN_INFO, begin) + wire.attribute(_VLAN_INFO, end)


def add_vlans(route: RouteSocket, index: int, vlans: Iterable[bytes]) -> None:
    """In this order: a later one replaces the flags of an earlier one. Raises OSError."""
    route.request(RTM_SETLINK, 0, _port(index) + _spec(b"".join(vlans)))


def remove_vlan(route: RouteSocket, index: int, vlan: int) -> None:
    """Raises OSError."""
    route.request(RTM_DELLINK, 0, _port(index) + _spec(wire.attribute(_VLAN_INFO, _VLAN.pack(0, vlan))))


def _port(index: int) -> bytes:
    return _IFINFO.pack(_AF_BRIDGE, 0, index, 0, 0)


def _spec(vlans: bytes) -> bytes:
    return wire.nested(_AF_SPEC, wire.attribute(_FLAGS, _CONTROLLER), vlans)
