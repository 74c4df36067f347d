"""Addresses of a link over one route socket: list, add, delete (net/ipv4/devinet.c, net/ipv6/addrconf.c)."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator

from pyroute2.netlink import NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL
from pyroute2.netlink.rtnl import RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR

from netattach_core.cni.result import Address
from netattach_core.net.addresses import IpInterface
from netattach_plugin.netlink import wire
from netattach_plugin.netlink.route_socket import RouteSocket

_FAMILIES = {4: 2, 6: 10}
_IFADDR = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix, flags, scope, index
_ADDRESS, _LOCAL, _BROADCAST, _FLAGS = 1, 2, 4, 8  # IFA_*
_POINT_TO_POINT = 31
"""From this prefix length on, a subnet of IPv4 has no broadcast address (RFC 3021)."""


def dump(route: RouteSocket, index: int, version: int) -> list[tuple[IpInterface, int]]:
    """The link's addresses of an IP version, in the kernel's order, with their flags (IFA_F_*). Raises OSError."""
    family = _FAMILIES[version]
    listed = _listed(route, family, index)
    return [(each, flags) for of, link, each, flags in listed if (of, link) == (family, index)]


def by_link(route: RouteSocket) -> dict[int, list[IpInterface]]:
    """The addresses in the socket's namespace, of both IP versions, by the index of their link. Raises OSError."""
    found: dict[int, list[IpInterface]] = {}
    for _, link, each, _ in _listed(route, socket.AF_UNSPEC, 0):
        found.setdefault(link, []).append(each)
    return found


def _listed(route: RouteSocket, family: int, index: int) -> Iterator[tuple[int, int, IpInterface, int]]:
    """Family, link, address and flags; older kernels ignore the index (IFA_ADDRESS alone may be the peer's)."""
    for kind, body in route.request(RTM_GETADDR, NLM_F_DUMP, _IFADDR.pack(family, 0, 0, 0, index)):
        of_family, prefix, flags, _, of_link = _IFADDR.unpack_from(body)
        if kind == RTM_NEWADDR and of_family in _FAMILIES.values():
            values = dict(wire.attributes(body, _IFADDR.size))
            address = ipaddress.ip_address(values.get(_LOCAL) or values[_ADDRESS])
            flags |= wire.number_of(values.get(_FLAGS))
            yield of_family, of_link, ipaddress.ip_interface((address, prefix)), flags


def add(route: RouteSocket, index: int, address: Address) -> None:
    """Raises OSError."""
    body = _body(index, ipaddress.ip_interface(address.address))
    route.request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body)


def delete(route: RouteSocket, index: int, address: IpInterface) -> None:
    """Raises OSError."""
    route.request(RTM_DELADDR, 0, _body(index, address))


def _body(index: int, address: IpInterface) -> bytes:
    packed = address.packed
    body = _IFADDR.pack(_FAMILIES[address.version], address.network.prefixlen, 0, 0, index)
    body += wire.attribute(_LOCAL, packed) + wire.attribute(_ADDRESS, packed)
    if address.version == 4 and address.network.prefixlen < _POINT_TO_POINT:
        body += wire.attribute(_BROADCAST, address.network.broadcast_address.packed)
    return body
