"""The node's links, addresses and default routes, for its inventory and for rule `master-default-interface`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from netattach_core.api.inventory import DefaultInterface, Interface
from netattach_core.api.node_state import SriovFunction
from netattach_plugin.netlink import (
    addresses,
    bridge_vlans,
    link_messages,
    peer_links,
    pod_deletion,
    route_messages,
    route_socket,
)
from netattach_plugin.netlink.native_links import in_thread
from netattach_plugin.netlink.pod_links import PodLinks, open_links
from netattach_plugin.netlink.sockets import Opener

_SYSFS = Path("/sys/class/net")
"""Of the network namespace in which /sys was mounted: for the daemon in a cluster, the node's."""


class NetlinkLinks:
    """The port `Links` over netlink, in threads: a request may wait in the kernel."""

    def __init__(self) -> None:
        self._opener = Opener()

    def open(self, netns: int, route_sockets: Sequence[int] = ()) -> AbstractAsyncContextManager[PodLinks]:
        return open_links(self._opener.sockets(netns, route_sockets))

    def names(self, netns: int) -> frozenset[str]:
        return peer_links.names(netns)

    async def delete(self, netns: int | None, names: Collection[str], first: Callable[[], None]) -> None:
        def work() -> None:
            first()
            if netns is not None:
                pod_deletion.delete(netns, names)

        await in_thread(work)

    async def interfaces(self) -> tuple[Interface, ...]:
        return await asyncio.to_thread(_interfaces)

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        return await asyncio.to_thread(_default_interfaces)


def _interfaces() -> tuple[Interface, ...]:
    links = link_messages.links()
    names = {link.index: link.name for link in links}
    with route_socket.of_node() as route:
        of_links = addresses.by_link(route)
        vlans = bridge_vlans.by_link(route, links)
    return tuple(
        Interface(
            name=link.name,
            kind=link.kind,
            mtu=link.mtu,
            mac=link.mac,
            up=link.up,
            addresses=tuple(map(str, of_links.get(link.index, ()))),
            controller=names.get(link.controller, ""),
            parent=names.get(link.parent, ""),
            alt_names=link.alt_names,
            device_path=_device_path(link.name),
            vlan_id=link.vlan_id,
            vlans=vlans.get(link.index, ()),
            sriov=_sriov(link.name),
        )
        for link in links
    )


def _device_path(name: str) -> str:
    """The place of the interface's device in sysfs, "" for a virtual interface."""
    try:
        return str((_SYSFS / name / "device").resolve(strict=True))
    except OSError:
        return ""


def _sriov(name: str) -> SriovFunction | None:
    """None for all but physical functions that can have virtual ones (Documentation/PCI/pci-iov-howto.rst)."""
    device = _SYSFS / name / "device"
    try:
        total = int((device / "sriov_totalvfs").read_text())
        return SriovFunction(total, int((device / "sriov_numvfs").read_text())) if total else None
    except (OSError, ValueError):
        return None


def _default_interfaces() -> tuple[DefaultInterface, ...]:
    """Those that carry a default route of the main table, and the ports of a bridge or bond that does."""
    reasons: dict[str, list[str]] = {}
    links = {link.index: link for link in link_messages.links()}
    with route_socket.of_node() as route:
        for family in route_messages.FAMILIES:
            version = f"IPv{family}"
            for index in sorted(links.keys() & route_messages.default_route_indices(route, family)):
                name = links[index].name
                reasons.setdefault(name, []).append(f"carries the {version} default route")
                for port in (link.name for link in links.values() if link.controller == index):
                    reasons.setdefault(port, []).append(
                        f"is a port of {name}, which carries the {version} default route"
                    )
    return tuple(DefaultInterface(name, tuple(why)) for name, why in reasons.items())
