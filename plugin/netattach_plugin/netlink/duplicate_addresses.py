"""Duplicate address detection of IPv6 (`pkg/ip/addr_linux.go: SettleAddresses`)."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
import time

from pyroute2.netlink import NLM_F_DUMP
from pyroute2.netlink.rtnl import RTM_GETADDR, RTM_NEWADDR

from netattach_core.native.failure import failure
from netattach_plugin.netlink import links, wire
from netattach_plugin.netlink.route_socket import RouteSocket
from netattach_plugin.ports import Created

_IFADDR = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix, flags, scope, index
_ADDRESS, _FLAGS = 1, 8  # IFA_ADDRESS, IFA_FLAGS
_FAILED, _TENTATIVE = 0x08, 0x40  # IFA_F_DADFAILED, IFA_F_TENTATIVE
_INET6 = 10
_LONGEST, _PAUSE = 5.0, 0.05
"""Seconds, as in the reference plugins."""


async def settled(pod: RouteSocket, exclusive: asyncio.Lock, created: Created) -> None:
    """Returns once the kernel has checked all addresses, or cannot check them. Raises DelegateError for a duplicate one.

    `exclusive` is held for each use of the socket.
    """
    deadline = time.monotonic() + _LONGEST
    ifname = created.interfaces[-1].name
    while True:
        async with exclusive:
            found = _addresses(pod, created.index)
        duplicate = next((address for address, flags in found if flags & _FAILED), None)
        if duplicate is not None:
            raise failure(
                created.plugin,
                f"failed to settle addresses for {ifname!r}: another host on the network has {duplicate} already",
            )
        if not any(flags & _TENTATIVE for _, flags in found):
            return
        if time.monotonic() > deadline:
            async with exclusive:
                is_operational = links.by_name(pod, ifname).is_operational
            if is_operational:
                raise failure(
                    created.plugin,
                    f"failed to settle addresses for {ifname!r}: still tentative after {_LONGEST:g} seconds",
                )
            return
        await asyncio.sleep(_PAUSE)


def _addresses(pod: RouteSocket, index: int) -> list[tuple[str, int]]:
    """The interface's addresses of IPv6 with their flags."""
    found = []
    for kind, body in pod.request(RTM_GETADDR, NLM_F_DUMP, _IFADDR.pack(_INET6, 0, 0, 0, index)):
        family, _, flags, _, of = _IFADDR.unpack_from(body)
        if kind == RTM_NEWADDR and family == _INET6 and of == index:
            values = dict(wire.attributes(body, _IFADDR.size))
            flags |= wire.number_of(values.get(_FLAGS))
            found.append((str(ipaddress.ip_address(values[_ADDRESS])), flags))
    return found
