"""What a main plugin's configuration says of its IPAM plugin, and that of the pod's addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from netattach_core.net import addresses
from netattach_core.plugins.view import View

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks:
    """Any number of networks, of which it is as quickly told whether one holds an address or a smaller network."""

    def __init__(self, networks: Iterable[_Network]) -> None:
        self._starts: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            self.add(network)

    def add(self, network: _Network) -> None:
        starts = self._starts.setdefault((network.version, network.prefixlen), set())
        starts.add(int(network.network_address) >> (network.max_prefixlen - network.prefixlen))

    def hold(self, what: addresses.IpAddress | _Network) -> bool:
        network = ipaddress.ip_network(what)
        start = int(network.network_address)
        return any(
            start >> (network.max_prefixlen - length) in starts
            for (version, length), starts in self._starts.items()
            if version == network.version and length <= network.prefixlen
        )


def ipam_type(conf: View) -> str | None:
    """The type of the IPAM plugin; None where there is none and the plugin makes an interface without addresses (G36)."""
    ipam = conf.inner("ipam")
    return (ipam.text("type") if ipam else None) or None


def versions(ipam: View) -> set[int]:
    """The IP versions, 4 or 6, of which the pod surely gets an address."""
    ranges = [ipam, *(item for one in ipam.items("ranges") for item in _elements(one))]
    texts = [item.text("subnet") or "" for item in ranges]
    texts += [item.text("address") or "" for item in ipam.inners("addresses")]
    return {cidr.version for text in texts if (cidr := addresses.parse_cidr(text))}


def _elements(view: View) -> Iterator[View]:
    return (View(node, (*view.path, index)) for index, node in enumerate(view.node.items))
