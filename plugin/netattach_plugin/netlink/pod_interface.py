"""Addresses and routes of an interface in a pod, and bringing it up (`pkg/ipam/ipam_linux.go: ConfigureIface`)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from netattach_core.cni.result import Route
from netattach_core.native.addressing import Addressing
from netattach_plugin.native_ports import Created
from netattach_plugin.netlink import addresses, links, routes
from netattach_plugin.netlink.drivers.driver import failing
from netattach_plugin.netlink.route_socket import RouteSocket


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
            _add_route(route, created.index, each, gateways)


def has_to_settle(addressing: Addressing | None) -> bool:
    """Whether the addresses have to leave the tentative state before routes are added: with a gateway of IPv6."""
    return addressing is not None and 6 in _gateways(addressing)


def _gateways(addressing: Addressing) -> dict[int, str]:
    found: dict[int, str] = {}
    for each in addressing.ips:
        if each.gateway:
            found.setdefault(ipaddress.ip_address(each.gateway).version, each.gateway)
    return found


def _add_route(route: RouteSocket, index: int, wanted: Route, gateways: Mapping[int, str]) -> None:
    to = ipaddress.ip_interface(wanted.dst)
    gateway = wanted.gw or gateways.get(to.version, "")
    routes.add(
        route,
        index,
        to,
        wanted.numbers.get("scope", routes.EVERYWHERE),
        gateway=ipaddress.ip_address(gateway) if gateway else None,
        table=wanted.numbers.get("table", routes.MAIN_TABLE),
        priority=wanted.numbers.get("priority", 0),
        next_to_others=True,
    )
