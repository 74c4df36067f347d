"""The gateways of a bridge's pods: the bridge itself (`plugins/main/bridge/bridge.go: calcGateways`)."""

from __future__ import annotations

import dataclasses
import ipaddress

from netattach_core.cni.result import Address, Route
from netattach_core.native.addressing import Addressing
from netattach_core.native.host_local import HostLocal
from netattach_core.native.recipe import Bridge, Ipam, Link, Ptp
from netattach_core.native.static import Static

_DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}


def complete(link: Link, addressing: Addressing | None) -> Addressing | None:
    """What IPAM gave with the gateways and default routes that a bridge adds; unchanged for links that have none."""
    if addressing is None or not isinstance(link, Bridge) or not _has_gateway(link):
        return addressing
    ips = tuple(map(_with_gateway, addressing.ips))
    routes = list(addressing.routes)
    if link.default_gateway:
        for each in ips:
            default = _DEFAULT[_version(each)]
            if not any(route.gw and route.dst == default for route in routes):
                routes.append(Route(default, each.gateway))
    return dataclasses.replace(addressing, ips=ips, routes=tuple(routes))


def are_understood(link: Link, ipam: Ipam | None) -> bool:
    """Whether all gateways, also those that are to be completed, are beyond doubt: of their addresses' families, and no overflow.

    Below 2^64, Go's addresses of IPv6 may have the length of one of IPv4 (`pkg/ip/cidr.go: intToIP`).
    """
    if not isinstance(link, Ptp) and not _has_gateway(link):
        return True
    match ipam:
        case HostLocal():
            ranges = [each for range_set in ipam.range_sets for each in range_set.ranges]
            return all(each.gateway.version == each.subnet.version for each in ranges)
        case Static():
            may_lack = not isinstance(link, Ptp)
            return all(_is_understood(each, may_lack=may_lack) for each in ipam.addressing.ips)
    return True


def _is_understood(address: Address, *, may_lack: bool) -> bool:
    network = ipaddress.ip_interface(address.address).network
    if address.gateway or not may_lack:
        return bool(address.gateway) and ipaddress.ip_address(address.gateway).version == network.version
    first = int(network.network_address)
    return first < 2**32 - 1 if network.version == 4 else 2**64 <= first < 2**128 - 1


def on_node(addressing: Addressing) -> dict[int, list[str]]:
    """The gateways with their prefix lengths, by IP version, those of IPv4 first."""
    found: dict[int, list[str]] = {4: [], 6: []}
    for each in addressing.ips:
        found[_version(each)].append(f"{each.gateway}/{each.address.rpartition('/')[2]}")
    return found


def _has_gateway(link: Link) -> bool:
    return isinstance(link, Bridge) and link.gateway


def _with_gateway(address: Address) -> Address:
    """Without one from IPAM it is the subnet's first address."""
    if address.gateway:
        return address
    network = ipaddress.ip_interface(address.address).network
    return dataclasses.replace(address, gateway=str(network.network_address + 1))


def _version(address: Address) -> int:
    return ipaddress.ip_interface(address.address).version
