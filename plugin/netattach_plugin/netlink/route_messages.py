"""Netlink messages about default routes, encoded and decoded by hand.

The removal of a route repeats the attributes that the kernel sent; pyroute2 drops those that it does not support (nexthop
objects) and encodes others differently (a gateway of the other IP version).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyroute2.netlink import NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REQUEST
from pyroute2.netlink.rtnl import RTM_DELROUTE, RTM_GETROUTE, RTM_NEWROUTE

from netattach_core.attach.default_route import DefaultRoute, Hop
from netattach_plugin.netlink.route_socket import RouteSocket
from netattach_plugin.netlink.wire import aligned, attributes

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_MAIN_TABLE = 254
_UNICAST = 1
_PROTOCOL_BOOT = 3  # like the plugins' routes and those of `ip route add`
_PROTOCOL_RA = 9
_UNIVERSE, _LINK, _NOWHERE = 0, 253, 255  # scopes; in a removal the last one means any

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg: family, both prefixes, tos, table, protocol, scope, type, flags
_HOP = struct.Struct("=HBBi")  # rtnexthop: length, flags, weight, index
_ATTRIBUTE = struct.Struct("=HH")
_NUMBER = struct.Struct("=I")
_OIF, _GATEWAY, _PRIORITY, _MULTIPATH, _TABLE, _VIA, _NH_ID = 4, 5, 6, 9, 15, 18, 30  # RTA_*


@dataclass(frozen=True, slots=True)
class KernelRoute:
    """A default route and the attributes that identify it for the kernel."""

    route: DefaultRoute
    identity: bytes


def listing(family: int) -> bytes:
    """The request for all routes of an IP version."""
    return _message(RTM_GETROUTE, NLM_F_DUMP, _ROUTE.pack(FAMILIES[family], 0, 0, 0, 0, 0, 0, 0, 0))


def removal(listed: KernelRoute) -> bytes:
    """The request to remove a route."""
    return _change(RTM_DELROUTE, 0, listed.route.family, 0, _NOWHERE, listed.identity)


def addition(route: DefaultRoute, index: int) -> bytes:
    """The request to add a route with a single hop over the link of that index."""
    gateway = route.hops[0].gateway
    written = _attribute(_OIF, _NUMBER.pack(index))
    written += _attribute(_GATEWAY, ipaddress.ip_address(gateway).packed) if gateway else b""
    written += _attribute(_PRIORITY, _NUMBER.pack(route.metric)) if route.metric else b""
    scope = _UNIVERSE if gateway else _LINK
    return _change(RTM_NEWROUTE, NLM_F_CREATE, route.family, _PROTOCOL_BOOT, scope, written)


def default_route(body: bytes, family: int, names: Mapping[int, str]) -> KernelRoute | None:
    """The route in a message; None unless it is a default route for all packets in the main table.

    Excludes unreachable routes, those of IPv4 that a kernel without IPv6 returns for IPv6, and those of router advertisements,
    which appear and disappear at any time.
    """
    number, to, _, tos, table, protocol, _, kind, _ = _ROUTE.unpack_from(body)
    found = dict(attributes(body, _ROUTE.size))
    main = (_number(found.get(_TABLE)) or table) == _MAIN_TABLE
    if number != FAMILIES[family] or to or tos or kind != _UNICAST or not main or protocol == _PROTOCOL_RA:
        return None
    hops = tuple(_hops(found, names))
    return KernelRoute(DefaultRoute(family, hops, _number(found.get(_PRIORITY))), _identity(found))


def default_route_indices(route: RouteSocket, family: int) -> frozenset[int]:
    """The links that carry a default route of the main table in the socket's namespace, with those of router advertisements.

    Raises OSError.
    """
    body = _ROUTE.pack(FAMILIES[family], 0, 0, 0, 0, 0, 0, 0, 0)
    listed = route.request(RTM_GETROUTE, NLM_F_DUMP, body)
    return frozenset(
        index for kind, each in listed if kind == RTM_NEWROUTE for index in _indices(each, family)
    )


def _indices(body: bytes, family: int) -> Iterator[int]:
    number, to, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    found = dict(attributes(body, _ROUTE.size))
    main = (_number(found.get(_TABLE)) or table) == _MAIN_TABLE
    if number == FAMILIES[family] and not to and kind == _UNICAST and main:
        yield from (index for index, _ in _paths(found))


def _identity(found: Mapping[int, bytes]) -> bytes:
    """The nexthop object of a route that has one, else its hops."""
    kinds = {_PRIORITY, _NH_ID} if _NH_ID in found else {_PRIORITY, _OIF, _GATEWAY, _VIA, _MULTIPATH}
    return b"".join(_attribute(kind, value) for kind, value in found.items() if kind in kinds)


def _hops(found: Mapping[int, bytes], names: Mapping[int, str]) -> Iterator[Hop]:
    """RTA_VIA is two bytes of the address family, then an address of the other IP version."""
    for index, path in _paths(found):
        packed = path.get(_GATEWAY) or path.get(_VIA, b"")[2:]
        yield Hop(names.get(index, f"#{index}"), str(ipaddress.ip_address(packed)) if packed else "")


def _paths(found: Mapping[int, bytes]) -> Iterator[tuple[int, Mapping[int, bytes]]]:
    """The index of the link, and the attributes, of each hop."""
    paths = found.get(_MULTIPATH, b"")
    if not paths:
        yield _number(found.get(_OIF)), found
    at = 0
    while at + _HOP.size <= len(paths):
        size, _, _, index = _HOP.unpack_from(paths, at)
        yield index, dict(attributes(paths[at : at + size], _HOP.size))
        at += max(aligned(size), _HOP.size)


def _change(kind: int, flags: int, family: int, protocol: int, scope: int, written: bytes) -> bytes:
    head = _ROUTE.pack(FAMILIES[family], 0, 0, 0, _MAIN_TABLE, protocol, scope, _UNICAST, 0)
    return _message(kind, flags | NLM_F_ACK, head + written)


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    padded = value.ljust(aligned(len(value)), b"\0")
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + padded


def _number(value: bytes | None) -> int:
    return int(_NUMBER.unpack(value)[0]) if value else 0
