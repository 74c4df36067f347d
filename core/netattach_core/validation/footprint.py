"""The footprint of a network: the link that its interfaces use, the addresses that it assigns, and the store of their leases.

`cluster_rules` compares the footprint of a NAD with those of all others. A configuration that cannot be parsed has none.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from netattach_core.api.nad import Nad
from netattach_core.net import addresses
from netattach_core.net.addresses import IpAddress, IpInterface
from netattach_core.plugins.view import ConfigView
from netattach_core.validation import plugin_chain
from netattach_core.validation.memoize import cache_texts
from netattach_core.validation.plugin_chain import Entry, Network

_CACHE_SIZE = 8192
"""Cached footprints, some hundred bytes each; a cluster has hundreds of networks."""

HOST_LOCAL_DIR = "/var/lib/cni/networks"


@dataclass(frozen=True, slots=True)
class Span:
    """Addresses from first to last, and their subnet. A pod gets one address from all spans of a `group`.

    `gateway` is the one address that is not assigned to pods.
    """

    first: IpAddress
    last: IpAddress
    subnet: IpInterface
    group: int = 0
    gateway: IpAddress | None = None

    def holds(self, address: IpAddress) -> bool:
        """Whether a pod can get the address."""
        same = self.subnet.version == address.version and address != self.gateway
        return same and int(self.first) <= int(address) <= int(self.last)

    @property
    def hosts(self) -> int:
        """The number of pods that can get an address."""
        first, last = int(self.first), int(self.last)
        taken = self.gateway is not None and first <= int(self.gateway) <= last
        return last - first + (0 if taken else 1)


@dataclass(frozen=True, slots=True)
class Store:
    """A directory of host-local's leases, as the kernel finds it, and the ranges of the network.

    `further` is the author's own `runtimeConfig`, from which host-local takes more ranges.
    """

    directory: str
    ranges: tuple[Span, ...] = ()
    further: str = ""


@dataclass(frozen=True, slots=True)
class Footprint:
    """The footprint of one network, by the first plugin of its chain.

    `link` is an interface of the nodes or a bridge, `vlan` the VLAN on it (0 for none). `leases` identifies the store that
    prevents duplicate addresses; networks with the same store do not conflict. `bounds` are the spans as (IP version, first,
    last) in numbers. `gateways` are the addresses that the plugin sets on the bridge. With `needs_ips`, a pod gets an address
    only by requesting one. `chained_ipam`: a later plugin of the chain has an `ipam` section. `routed` are the destinations of
    its routes. `stores` are host-local's for all plugins of the chain.
    """

    type: str = ""
    network: str = ""
    link: str = ""
    vlan: int = 0
    mode: str = ""
    mtu: int = 0
    spans: tuple[Span, ...] = ()
    bounds: tuple[tuple[int, int, int], ...] = ()
    ipam: str = ""
    leases: str = ""
    is_gateway: bool = False
    forces_address: bool = False
    gateways: tuple[IpInterface, ...] = ()
    capabilities: frozenset[str] = frozenset()
    types: tuple[str, ...] = ()
    needs_ips: bool = False
    chained_ipam: bool = False
    routed: tuple[IpInterface, ...] = ()
    stores: tuple[Store, ...] = ()

    @property
    def lease_groups(self) -> frozenset[str]:
        """All that identifies its leases: those of the first plugin, and every store of host-local."""
        stores = {lease_group(store.directory) for store in self.stores}
        return frozenset({self.leases, *stores} - {""})

    def shares_link(self, other: Footprint) -> bool:
        """Whether the pods of both are in one layer 2 segment."""
        return self.link == other.link != "" and self.vlan == other.vlan

    def overlaps(self, other: Footprint) -> bool:
        """Whether both can assign the same address. Fast, since a thousand networks may be compared with each other."""
        return any(
            version == another and low <= end and start <= high
            for version, low, high in self.bounds
            for another, start, end in other.bounds
        )


NONE = Footprint()


def from_nad(nad: Nad) -> Footprint:
    """The footprint of a NAD; NONE where its configuration is empty or cannot be parsed."""
    return _from_config(nad.config, nad.namespace, nad.name)


@cache_texts(_CACHE_SIZE)
def _from_config(config: str, namespace: str, name: str) -> Footprint:
    nad = Nad(namespace, name, config)
    parsed = plugin_chain.of_nad(nad)
    return _from_network(parsed.network, nad) if parsed is not None else NONE


def _from_network(network: Network, nad: Nad) -> Footprint:
    if not network.entries:
        return NONE
    first = network.entries[0]
    config = first.config
    config_name = network.top.text("name") or nad.name
    link, vlan = _link(first)
    spans = tuple(_spans(first))
    return Footprint(
        type=first.type,
        network=config_name,
        link=link,
        vlan=vlan,
        mode=config.text("mode") or "",
        mtu=config.integer("mtu") or 0,
        spans=spans,
        bounds=tuple((span.subnet.version, int(span.first), int(span.last)) for span in spans),
        ipam=first.ipam_type,
        leases=_leases(first, config_name, nad.full_name),
        is_gateway=config.flag("isGateway") or config.flag("isDefaultGateway"),
        forces_address=config.flag("forceAddress"),
        gateways=tuple(_gateways(first)),
        capabilities=frozenset(name for entry in network.entries for name in entry.context.capabilities),
        types=tuple(entry.type for entry in network.entries),
        needs_ips=first.ipam_type == "static" and not first.context.has_resource and not spans,
        chained_ipam=any(entry.ipam_type for entry in network.entries[1:]),
        routed=tuple(_routed(first)),
        stores=tuple(
            _store(entry, config_name, spans if entry is first else tuple(_spans(entry)))
            for entry in network.entries
            if _uses_host_local(entry)
        ),
    )


def _uses_host_local(entry: Entry) -> bool:
    """Whether leases are host-local's, which flannel uses by default (`flannel.go: getDelegateIPAM`)."""
    return entry.ipam_type == "host-local" or (entry.type == "flannel" and not entry.ipam_type)


def _store(entry: Entry, name: str, spans: tuple[Span, ...]) -> Store:
    """The store of a plugin's leases (host-local, backend/disk/backend.go: New)."""
    data_dir = entry.ipam.text("dataDir") if entry.ipam else ""
    members = entry.raw.node.members
    further = [m.node.value for m in members if m.key.casefold() == "runtimeconfig" and m.node.value]
    return Store(lease_directory(data_dir, name), spans, repr(further) if further else "")


def lease_directory(data_dir: str | None, name: str) -> str:
    """The directory of a network's leases: `filepath.Join(dataDir, name)`; a relative one is below the runtime's, usually /."""
    path = posixpath.normpath(f"/{data_dir or HOST_LOCAL_DIR}/{name}")
    path = f"/{path.lstrip('/')}"
    return path.removeprefix("/var") if path.startswith("/var/run/") else path


def lease_group(directory: str) -> str:
    """What identifies the leases of host-local in a directory."""
    return f"host-local in {directory}"


def _link(entry: Entry) -> tuple[str, int]:
    """The link and the VLAN on it; "" where the network uses no link of the node."""
    config = entry.config
    if config.flag("linkInContainer"):
        return "", 0
    if entry.type == "bridge":
        return config.text("bridge") or "cni0", config.integer("vlan") or 0
    if entry.type == "ovs":
        return f"ovs:{config.text('bridge') or ''}", config.integer("vlan") or 0
    if entry.type == "vlan":
        return config.text("master") or "", config.integer("vlanId") or 0
    if entry.type in {"macvlan", "ipvlan"}:
        return config.text("master") or "", 0
    if entry.type == "host-device":
        return config.text("device") or "", 0
    return "", 0


def _leases(entry: Entry, name: str, full_name: str) -> str:
    ipam = entry.ipam
    if ipam is None or not entry.ipam_type:
        return ""
    if entry.ipam_type == "host-local":
        return lease_group(lease_directory(ipam.text("dataDir"), name))
    if entry.ipam_type == "whereabouts":
        return f"whereabouts {ipam.text('network_name') or ''}".rstrip()
    if entry.ipam_type == "static":
        return f"static in {full_name}"  # without a store: each network has its own addresses
    return f"{entry.ipam_type}"


def _gateways(entry: Entry) -> Iterator[IpInterface]:
    """The addresses of a bridge that is a gateway: host-local's, else the first of the subnet (bridge.go: calcGateways)."""
    if entry.type != "bridge" or not (
        entry.config.flag("isGateway") or entry.config.flag("isDefaultGateway")
    ):
        return
    for _, view in _ranges(entry.ipam) if entry.ipam else ():
        subnet = addresses.parse_cidr(view.text("subnet") or "")
        gateway = addresses.parse_ip(view.text("gateway") or "")
        if subnet is not None:
            ip = gateway or subnet.network.network_address + 1
            yield addresses.parse_cidr(f"{ip}/{subnet.network.prefixlen}") or subnet


def _spans(entry: Entry) -> Iterator[Span]:
    ipam = entry.ipam
    if ipam is None:
        return
    if entry.ipam_type == "host-local":
        yield from (span for group, view in _ranges(ipam) if (span := _host_local(view, group)))
    elif entry.ipam_type == "whereabouts":
        views = (ipam, *ipam.objects("ipRanges"))
        yield from (span for group, view in enumerate(views) if (span := _whereabouts(view, group)))
    elif entry.ipam_type == "static":
        for group, item in enumerate(ipam.objects("addresses")):
            address = addresses.parse_cidr(item.text("address") or "")
            if address is not None:
                yield Span(address.ip, address.ip, address, group)


def _routed(entry: Entry) -> Iterator[IpInterface]:
    """The destinations of routes, except default routes, since those make no gateway reachable."""
    for view in entry.ipam.objects("routes") if entry.ipam else ():
        destination = addresses.parse_cidr(view.text("dst") or "")
        if destination is not None and destination.network.prefixlen:
            yield destination


def _ranges(ipam: ConfigView) -> Iterator[tuple[int, ConfigView]]:
    """The range in the section itself, then those in `ranges`; each with the number of its set."""
    if ipam.text("subnet") is not None:
        yield 0, ipam
    for group, each in enumerate(ipam.items("ranges"), start=1):
        yield from ((group, view) for view in each.items() if isinstance(view.node.value, dict))


def _host_local(view: ConfigView, group: int) -> Span | None:
    """The default gateway is the first address of the subnet (host-local, range.go: Canonicalize)."""
    subnet = addresses.parse_cidr(view.text("subnet") or "")
    if subnet is None:
        return None
    gateway = addresses.parse_ip(view.text("gateway") or "") or subnet.network.network_address + 1
    held = gateway if gateway.version == subnet.version else None
    return _within(subnet, view.text("rangeStart"), view.text("rangeEnd"), group, held)


def _whereabouts(view: ConfigView, group: int) -> Span | None:
    range_, start, end = view.text("range") or "", view.text("range_start"), view.text("range_end")
    dashed = re.fullmatch(r"\s*([^-\s]+)\s*-\s*([^/\s]+)/(\d+)\s*", range_)
    if dashed:
        start, end, range_ = start or dashed[1], end or dashed[2], f"{dashed[2]}/{dashed[3]}"
    subnet = addresses.parse_cidr(range_.strip())
    return _within(subnet, start, end, group) if subnet else None


def _within(
    subnet: IpInterface, start: str | None, end: str | None, group: int, gateway: IpAddress | None = None
) -> Span | None:
    """The span in a subnet; by default all host addresses, without the broadcast address of IPv4."""
    network = subnet.network
    last_host = network.broadcast_address - 1 if subnet.version == 4 else network.broadcast_address
    first = addresses.parse_ip(start or "") or network.network_address + 1
    last = addresses.parse_ip(end or "") or last_host
    is_valid = first in network and last in network and int(first) <= int(last)
    return Span(first, last, subnet, group, gateway) if is_valid else None
