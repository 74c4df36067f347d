"""Duplicate address detection of IPv6 (`pkg/ip/addr_linux.go: SettleAddresses`)."""

from __future__ import annotations

import asyncio
import time

from netattach_core.native.failure import failure
from netattach_plugin.native_ports import Created
from netattach_plugin.netlink import addresses, links
from netattach_plugin.netlink.route_socket import RouteSocket

_FAILED, _TENTATIVE = 0x08, 0x40  # IFA_F_DADFAILED, IFA_F_TENTATIVE
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
            found = addresses.dump(pod, created.index, 6)
        duplicate = next((each.ip for each, flags in found if flags & _FAILED), None)
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
