"""The addresses that a network gives to pods and to the node, and whether they are inside the subnets of a list."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from netattach_core.net import addresses
from netattach_core.net.addresses import IpInterface
from netattach_core.policy.members import Value
from netattach_core.text.finding import Path

_KEYS = re.compile(
    r"(?!is|exclude|reserved|.*(?:mac|hw|pci|vlan|port)).*(subnets?|ranges?|rangestart|rangeend|addresse?s?|gateway|gatewayips|cidrs?|ips?)"
)
"""Keys of addresses and subnets, in lower case, without `-` and `_`, of any IPAM plugin.

Not those of routes (`dst`, `gw`) and of sbr (`gateways`), which concern the pod alone.
"""
_DASHED = re.compile(r"\s*([^-\s]+)\s*-\s*([^/\s]+)/(\d+)\s*")


class Addresses(NamedTuple):
    """A text with addresses, and its place."""

    text: str
    path: Path
    start: int


def written(values: Iterable[Value]) -> Iterator[Addresses]:
    """All texts under keys of addresses among the values of a plugin's configuration."""
    for path, key, node in values:
        if isinstance(node.value, str) and node.value and _is_key(key):
            yield Addresses(node.value, path, node.start)


@functools.lru_cache(1024)
def _is_key(key: str) -> bool:
    return _KEYS.fullmatch(key.replace("-", "").replace("_", "")) is not None


def are_inside(text: str, allowed: tuple[str, ...]) -> bool:
    """Whether all addresses of a text are inside the allowed subnets, with their whole subnet, since that is what a route covers.

    An address, a subnet, `first-last/length` as whereabouts writes it, or several of them between commas; OVN-Kubernetes appends
    the length of each node's part to a subnet. What cannot be read is not inside.
    """
    parts = [part.strip() for part in text.split(",")]
    return all(_is_inside(part, allowed) for part in parts)


def _is_inside(text: str, allowed: tuple[str, ...]) -> bool:
    dashed = _DASHED.fullmatch(text)
    ends = [f"{dashed[1]}/{dashed[3]}", f"{dashed[2]}/{dashed[3]}"] if dashed else [text]
    subnets = [_parse(end) for end in ends]
    return all(
        subnet is not None and any(_contains(each, subnet) for each in _parsed(allowed)) for subnet in subnets
    )


def _parse(text: str) -> IpInterface | None:
    address = addresses.parse_ip(text)
    if address is not None:
        return addresses.parse_cidr(f"{address}/{address.max_prefixlen}")
    base, slash, length = text.rpartition("/")
    return addresses.parse_cidr(text) or (
        addresses.parse_cidr(base) if slash and length.isdecimal() else None
    )


def _contains(outer: IpInterface, inner: IpInterface) -> bool:
    same = outer.version == inner.version
    return same and inner.network.subnet_of(outer.network)  # type: ignore[arg-type]  # both are of one version


@functools.lru_cache(64)
def _parsed(allowed: tuple[str, ...]) -> tuple[IpInterface, ...]:
    return tuple(subnet for text in allowed if (subnet := addresses.parse_cidr(text)) is not None)
