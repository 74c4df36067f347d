"""The addresses that the cluster itself uses: its subnets from the settings, the nodes' own subnets and addresses."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_core.api.inventory import Interface, NodeInventory
from netattach_core.net import addresses
from netattach_core.net.addresses import IpInterface
from netattach_core.validation.memoize import cache_last
from netattach_core.validation.settings import ClusterNetworks

_POD_BRIDGES = {"cni0", "cbr0", "kube-bridge", "weave"}
"""Bridges of default networks: their subnet is that of the node's pods."""

_OWN_KINDS = {"", "bond", "team", "vlan", "openvswitch", "dummy", "loopback"}
"""Kinds of interfaces whose addresses are the node's: a bridge or veth may have its address from a network of a pod."""


_METADATA = ("169.254.169.254/32", "fd00:ec2::254/128")
"""A node reads its own credentials there, and so its pods must not answer."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Addresses from `first` to `last`, as numbers, and what they are, for a message."""

    version: int
    first: int
    last: int
    what: str


class _Addresses:
    """The addresses of all nodes: subnets by search, since they are few, and single addresses by bisection."""

    def __init__(self, nodes: Sequence[NodeInventory]) -> None:
        found = {(each.version, each.first, each.last): each for node in nodes for each in _of_node(node)}
        self._subnets = [each for each in found.values() if each.first != each.last]
        single = sorted(key for key in found if key[1] == key[2])
        self._single = [(version, first) for version, first, _ in single]
        self._owners = [found[key] for key in single]

    def overlapping(self, network: IpInterface) -> Taken | None:
        """The subnet or address that a network overlaps."""
        first, last = _ends(network)
        subnet = next((each for each in self._subnets if _overlaps(each, network.version, first, last)), None)
        if subnet is not None:
            return subnet
        at = bisect.bisect_left(self._single, (network.version, first))
        known = at < len(self._single) and self._single[at] <= (network.version, last)
        return self._owners[at] if known else None


_of_nodes = cache_last(_Addresses)


def overlapping(
    network: IpInterface, nodes: Sequence[NodeInventory], networks: ClusterNetworks
) -> Taken | None:
    """The cluster's own addresses that a network overlaps, None where it has none of them."""
    first, last = _ends(network)
    of_settings = (each for each in _of_settings(networks) if _overlaps(each, network.version, first, last))
    return next(of_settings, None) or _of_nodes(nodes).overlapping(network)


@functools.lru_cache(16)
def _of_settings(networks: ClusterNetworks) -> tuple[Taken, ...]:
    named = (
        ("the cluster's subnet for Services", networks.services),
        ("the cluster's subnet for pods", networks.pods),
        ("the cluster's subnet for nodes", networks.nodes),
        ("the address of the API server's Service", networks.api_server),
        ("the metadata service of clouds, which tells nodes who they are", _METADATA),
    )
    texts = [(what, addresses.parse_cidr(text)) for what, all_ in named for text in all_]
    return tuple(_taken(subnet, f"{subnet.network}, {what}") for what, subnet in texts if subnet is not None)


def _of_node(node: NodeInventory) -> Iterator[Taken]:
    defaults = {each.name for each in node.default_interfaces}
    for interface in node.interfaces:
        for text in interface.addresses:
            address = addresses.parse_cidr(text)
            if address is None or address.ip.is_loopback or address.ip.is_link_local:
                continue
            if interface.name in defaults:
                what = f"the subnet of {interface.name}, a default interface of {node.node}"
                yield _taken(address, f"{address.network}, {what}")
            elif interface.name in _POD_BRIDGES:
                yield _taken(address, f"{address.network}, the subnet of the pods of {node.node}")
            if _is_own(interface) or interface.name in defaults:
                yield _single(address, f"{address.ip}, an address of {node.node}")


def _is_own(interface: Interface) -> bool:
    return interface.kind in _OWN_KINDS


def _single(address: IpInterface, what: str) -> Taken:
    return Taken(address.version, int(address.ip), int(address.ip), what)


def _taken(subnet: IpInterface, what: str) -> Taken:
    return Taken(subnet.version, *_ends(subnet), what)


def _ends(subnet: IpInterface) -> tuple[int, int]:
    return int(subnet.network.network_address), int(subnet.network.broadcast_address)


def _overlaps(taken: Taken, version: int, first: int, last: int) -> bool:
    return taken.version == version and taken.first <= last and first <= taken.last
