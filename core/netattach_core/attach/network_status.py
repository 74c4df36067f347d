"""The text of `k8s.v1.cni.cncf.io/network-status`, byte for byte as Multus writes it.

With three corrections: a default route without a gateway has that of its address, which plugins set, and not "<nil>"; a route is
a default one by its prefix length; a result without interfaces has an entry too (Kubernetes Network Plumbing Working Group spec,
section 5.1.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from netattach_core.cni.result import Address, Interface, Result, sandbox_interfaces

_GO_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def entries(
    network: str, ifname: str, result: Result, *, default: bool, device_info: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The entries of one attachment: one per interface in the pod, at least one.

    An address without an interface index belongs to the last interface. With several interfaces in the default network, that of
    the first address with a gateway is the default one, without a gateway the first.
    """
    common: dict[str, Any] = {
        "name": network,
        "dns": dict(result.dns),
        "device-info": device_info,
        "gateway": _gateways(result),
    }
    inside = list(sandbox_interfaces(result))
    if len(result.interfaces) <= 1 or not inside:
        interface = inside[0][1] if inside else _nameless(ifname, result)
        return [_entry(common, interface, result.addresses, default=default)]
    marked = _default_index(result, inside) if default else None
    return [
        _entry(common, interface, _addresses_of(index, inside, result), default=index == marked)
        for index, interface in inside
    ]


def text(status: Iterable[Mapping[str, Any]]) -> str:
    """The annotation's value: each entry indented by four, joined by a bare comma."""
    return "[" + ",".join(_go_json(entry) for entry in status) + "]"


def _gateways(result: Result) -> list[str]:
    """The gateway of each default route: its own, else that of the first address of its family."""
    found = []
    for route in result.routes:
        if route.is_default:
            same_family = (
                a.gateway for a in result.addresses if a.gateway and (":" in a.address) == (":" in route.dst)
            )
            found.append(route.gw or next(same_family, ""))
    return [gateway for gateway in found if gateway]


def _nameless(ifname: str, result: Result) -> Interface:
    """For a result that names no interface in the pod: CNI_IFNAME if it has no interfaces at all, as before version 0.3.0."""
    return Interface(name="" if result.interfaces else ifname)


def _entry(
    common: Mapping[str, Any], interface: Interface, ips: Iterable[Address], *, default: bool
) -> dict[str, Any]:
    entry = {
        "name": common["name"],
        "interface": interface.name,
        "ips": [address.address.partition("/")[0] for address in ips],
        "mac": interface.mac,
        "mtu": interface.mtu,
        "default": default,
        "dns": common["dns"],
        "device-info": common["device-info"],
        "gateway": common["gateway"],
    }
    return {key: value for key, value in entry.items() if value or key in {"name", "dns"}}


def _default_index(result: Result, inside: list[tuple[int, Interface]]) -> int:
    with_gateway = (a.interface for a in result.addresses if a.gateway and a.interface is not None)
    return next(with_gateway, inside[0][0])


def _addresses_of(index: int, inside: list[tuple[int, Interface]], result: Result) -> list[Address]:
    last = inside[-1][0]
    return [a for a in result.addresses if (last if a.interface is None else a.interface) == index]


def _go_json(entry: Mapping[str, Any]) -> str:
    """The output of Go's MarshalIndent: `{}` for an empty object, and <, >, & escaped."""
    indented = json.dumps(entry, indent=4, ensure_ascii=False)
    for char, escape in _GO_ESCAPES.items():
        indented = indented.replace(char, escape)
    return indented
