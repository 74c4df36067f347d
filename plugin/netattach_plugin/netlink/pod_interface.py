"""Addresses and routes of an interface in a pod, and bringing it up (`pkg/ipam/ipam_linux.go: ConfigureIface`)."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping

from pyroute2.netlink import NLM_F_CREATE
from pyroute2.netlink.rtnl import RTM_NEWROUTE

from netattach_core.cni.result import Route
from netattach_core.native.addressing import Addressing
from netattach_plugin.netlink import addresses, links, wire
from netattach_plugin.netlink.drivers.driver import failing
from netattach_plugin.netlink.route_socket import RouteSocket
from netattach_plugin.ports import Created

_FAMILIES = {4: 2, 6: 10}
_RTMSG = struct.Struct("=BBBBBBBBI")  # rtmsg: family, both prefixes, tos, table, protocol, scope, type, flags
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_TABLE = 1, 4, 5, 6, 15
_MAIN_TABLE, _BOOT, _UNICAST = 254, 3, 1


def bring_up(route: RouteSocket, created: Created, addressing: Addressing | None) -> None:
    """Adds its addresses, and sets it up. Raises DelegateError."""
    ifname = created.interfaces[-1].name
    for address in addressing.ips if addressing else ():
        with failing(created.plugin, f"add IP addr {address.address} to {ifname!r}"):
            addresses.add(route, created.index, address)
    with failing(created.plugin, f"set {ifname!r} UP"):
        links.set_up(route, created.index)


def add_routes(route: RouteSocket, created: Created, addressing: Addressing | None) -> None:
    """A route without a gateway gets that of the first address of its family that has one. Raises DelegateError."""
    if addressing is None:
        return
    gateways = _gateways(addressing)
    for each in addressing.routes:
        with failing(created.plugin, f"add route {each.dst} dev {created.interfaces[-1].name}"):
            add_route(route, created.index, each, gateways)


def has_to_settle(addressing: Addressing | None) -> bool:
    """Whether the addresses have to leave the tentative state before routes are added: with a gateway of IPv6."""
    return addressing is not None and 6 in _gateways(addressing)


def _gateways(addressing: Addressing) -> dict[int, str]:
    found: dict[int, str] = {}
    for each in addressing.ips:
        if each.gateway:
            found.setdefault(ipaddress.ip_address(each.gateway).version, each.gateway)
    return found


def add_route(route: RouteSocket, index: int, wanted: Route, gateways: Mapping[int, str]) -> None:
    """`gateways`: those of the interface's addresses, by IP version, for a route without one. Raises OSError."""
    to = ipaddress.ip_interface(wanted.dst)
    gateway = wanted.gw or gateways.get(to.version, "")
    numbers = wanted.numbers
    table, scope = numbers.get("table", _MAIN_TABLE), numbers.get("scope", 0)
    body = _RTMSG.pack(
        _FAMILIES[to.version], to.network.prefixlen, 0, 0, table & 0xFF, _BOOT, scope, _UNICAST, 0
    )
    body += wire.attribute(_RTA_DST, to.packed) + wire.number(_RTA_OIF, index)
    body += wire.attribute(_RTA_GATEWAY, ipaddress.ip_address(gateway).packed) if gateway else b""
    body += wire.number(_RTA_PRIORITY, numbers["priority"]) if numbers.get("priority") else b""
    body += wire.number(_RTA_TABLE, table) if table > 0xFF else b""
    route.request(RTM_NEWROUTE, NLM_F_CREATE, body)
