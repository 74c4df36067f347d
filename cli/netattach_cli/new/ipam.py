"""The `ipam` section of a new NAD: one subnet, or one of each IP version."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Sequence
from typing import Any

from netattach_cli.new import defaults
from netattach_cli.new.defaults import Choice, Network, Nodes, OptionsError

TYPES = ("host-local", "static", "dhcp", "whereabouts", "none")

_GIVEN = "as given"


def subnets(wanted: Sequence[str], name: str, nodes: Nodes, *, dual_stack: bool) -> list[Choice]:
    """The given subnets, at most one of each IP version, and defaults for those that are missing. Raises GenerationError."""
    chosen = {network.version: Choice(str(network), _GIVEN) for network in map(_network, wanted)}
    if len(chosen) < len(wanted):
        raise OptionsError("--subnet: at most one of each IP version; a network with more needs an editor")
    if 4 not in chosen and (dual_stack or not chosen):
        chosen[4] = defaults.subnet(name, nodes)
    if 6 not in chosen and dual_stack:
        chosen[6] = defaults.subnet6(name, nodes)
    return [chosen[version] for version in sorted(chosen)]


def section(
    kind: str, plugin: str, name: str, networks: Sequence[Network]
) -> tuple[dict[str, Any], list[str]]:
    """The keys of the config for an IPAM plugin, and comments on them. Raises OptionsError."""
    return _SECTIONS[kind](plugin, name, networks)


def takes_subnet(kind: str) -> bool:
    return kind in _SECTIONS


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise OptionsError(f"--subnet: {error}") from error


def _host_local(_plugin: str, _name: str, networks: Sequence[Network]) -> tuple[dict[str, Any], list[str]]:
    if len(networks) == 1:
        return {"ipam": {"type": "host-local", "subnet": str(networks[0])}}, []
    ranges = [[{"subnet": str(network)}] for network in networks]
    return {"ipam": {"type": "host-local", "ranges": ranges}}, []


def _whereabouts(_plugin: str, _name: str, networks: Sequence[Network]) -> tuple[dict[str, Any], list[str]]:
    if len(networks) == 1:
        return {"ipam": {"type": "whereabouts", "range": str(networks[0])}}, []
    ranges = [{"range": str(network)} for network in networks]
    return {"ipam": {"type": "whereabouts", "ipRanges": ranges}}, []


def _static(plugin: str, name: str, networks: Sequence[Network]) -> tuple[dict[str, Any], list[str]]:
    """Each pod asks for its own addresses. For ptp the NAD has them: it fails without a gateway, for which a pod cannot ask."""
    firsts = [f"{_host(network, 2)}/{network.prefixlen}" for network in networks]
    if plugin == "ptp":
        addresses = [
            {"address": first, "gateway": _host(network, 1)}
            for first, network in zip(firsts, networks, strict=True)
        ]
        comment = "the address is for a single pod"
        return {"ipam": {"type": "static", "addresses": addresses}}, [comment]
    element = json.dumps([{"name": name, "ips": firsts}])
    comment = f"annotation of a pod: k8s.v1.cni.cncf.io/networks: '{element}'"
    return {"capabilities": {"ips": True}, "ipam": {"type": "static"}}, [comment]


_SECTIONS: dict[str, Callable[[str, str, Sequence[Network]], tuple[dict[str, Any], list[str]]]] = {
    "host-local": _host_local,
    "whereabouts": _whereabouts,
    "static": _static,
}


def _host(network: Network, number: int) -> str:
    if network.num_addresses < 4:
        raise OptionsError(f"--subnet {network} is too small for a pod")
    return str(network[number])
