"""The node's own links, addresses and default routes, for its inventory and for the default-interface rule."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from pyroute2 import IPRoute

from netattach_core.inventory import DefaultInterface, Interface
from netattach_plugin.netlink.pod_links import PodLinks, open_links
from netattach_plugin.netlink.sockets import Opener

_FAMILIES = {2: "IPv4", 10: "IPv6"}


class NetlinkLinks:
    """The port `Links`, filled by the kernel. pyroute2's socket lives in the thread that made it, so each look is one."""

    def __init__(self) -> None:
        self._opener = Opener()

    def open(self, netns: int) -> AbstractAsyncContextManager[PodLinks]:
        return open_links(self._opener, netns)

    async def interfaces(self) -> tuple[Interface, ...]:
        return await asyncio.to_thread(_interfaces)

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        return await asyncio.to_thread(_default_interfaces)


def _interfaces() -> tuple[Interface, ...]:
    with IPRoute() as route:
        links = list(route.get_links())
        addresses = list(route.get_addr())
    names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in links}
    return tuple(
        _interface(link, names, [a for a in addresses if a["index"] == link["index"]]) for link in links
    )


def _interface(link: Any, names: dict[int, str], addresses: Iterable[Any]) -> Interface:
    info = link.get_attr("IFLA_LINKINFO")
    here = link.get_attr("IFLA_LINK_NETNSID") is None  # else the peer's index is another namespace's
    return Interface(
        name=link.get_attr("IFLA_IFNAME"),
        kind=info.get_attr("IFLA_INFO_KIND") if info else "loopback" if link["flags"] & 0x8 else "",
        mtu=link.get_attr("IFLA_MTU"),
        mac=link.get_attr("IFLA_ADDRESS") or "",
        up=bool(link["flags"] & 0x1),
        addresses=tuple(f"{a.get_attr('IFA_ADDRESS')}/{a['prefixlen']}" for a in addresses),
        controller=names.get(link.get_attr("IFLA_MASTER"), ""),
        parent=names.get(link.get_attr("IFLA_LINK"), "") if here else "",
    )


def _default_interfaces() -> tuple[DefaultInterface, ...]:
    """Those that carry a default route of the main table, and the ports of a bridge or bond that does."""
    reasons: dict[str, list[str]] = {}
    with IPRoute() as route:
        links = {link["index"]: link for link in route.get_links()}
        for family, words in _FAMILIES.items():
            for index in _default_route_indices(route.get_default_routes(family=family, table=254)):
                name = links[index].get_attr("IFLA_IFNAME")
                reasons.setdefault(name, []).append(f"carries the {words} default route")
                for port in _ports(links.values(), index):
                    reasons.setdefault(port, []).append(
                        f"is a port of {name}, which carries the {words} default route"
                    )
    return tuple(DefaultInterface(name, tuple(why)) for name, why in reasons.items())


def _default_route_indices(routes: Iterable[Any]) -> list[int]:
    indices: dict[int, None] = {}
    for route in routes:
        hops = route.get_attr("RTA_MULTIPATH") or ()
        for index in (route.get_attr("RTA_OIF"), *(hop["oif"] for hop in hops)):
            if index:
                indices[index] = None
    return list(indices)


def _ports(links: Iterable[Any], controller: int) -> list[str]:
    return [link.get_attr("IFLA_IFNAME") for link in links if link.get_attr("IFLA_MASTER") == controller]
