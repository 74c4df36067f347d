"""What the checks of main plugins need from the `ipam` section: its type, its IP families, and sets of subnets."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from netattach_core.net import addresses
from netattach_core.plugins.view import ConfigView

_Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network


class SubnetSet:
    """Subnets, with a fast check whether one of them contains an address or a smaller subnet."""

    def __init__(self, subnets: Iterable[_Subnet]) -> None:
        self._prefixes: dict[tuple[int, int], set[int]] = {}
        for subnet in subnets:
            self.add(subnet)

    def add(self, subnet: _Subnet) -> None:
        prefixes = self._prefixes.setdefault((subnet.version, subnet.prefixlen), set())
        prefixes.add(int(subnet.network_address) >> (subnet.max_prefixlen - subnet.prefixlen))

    def covers(self, address_or_subnet: addresses.IpAddress | _Subnet) -> bool:
        subnet = ipaddress.ip_network(address_or_subnet)
        start = int(subnet.network_address)
        return any(
            start >> (subnet.max_prefixlen - length) in prefixes
            for (version, length), prefixes in self._prefixes.items()
            if version == subnet.version and length <= subnet.prefixlen
        )


def ipam_type(config: ConfigView) -> str | None:
    """The type of the IPAM plugin; None without one, where the plugin makes an interface without addresses."""
    ipam = config.object("ipam")
    return (ipam.text("type") if ipam else None) or None


def ip_families(ipam: ConfigView) -> set[int]:
    """The IP families, 4 or 6, of the addresses that the pod certainly gets."""
    ranges = [ipam, *(item for one in ipam.items("ranges") for item in _elements(one))]
    texts = [item.text("subnet") or "" for item in ranges]
    texts += [item.text("address") or "" for item in ipam.objects("addresses")]
    return {cidr.version for text in texts if (cidr := addresses.parse_cidr(text))}


def _elements(view: ConfigView) -> Iterator[ConfigView]:
    return (ConfigView(node, (*view.path, index)) for index, node in enumerate(view.node.items))
