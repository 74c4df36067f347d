"""What a network takes of the cluster: the link that its interfaces hang on, the addresses that it gives out, and their leases.

The validator compares these of one NAD with those of all others. What cannot be read has none, and is told of elsewhere.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from netattach_core.api.nad import Nad
from netattach_core.net import addresses
from netattach_core.net.addresses import IpAddress, IpInterface
from netattach_core.plugins.view import View
from netattach_core.validation import plugin_chain, syntax_rules
from netattach_core.validation.plugin_chain import Entry, Network

_REMEMBERED = 8192
"""Configurations; a cluster has hundreds. Each is some hundred bytes once it is read."""

_HOST_LOCAL_DIR = "/var/lib/cni/networks"


@dataclass(frozen=True, slots=True)
class Span:
    """Addresses from first to last, and the subnet that they lie in. Of the spans of one group a pod gets one address.

    `gateway` is the one address of them that no pod gets.
    """

    first: IpAddress
    last: IpAddress
    subnet: IpInterface
    group: int = 0
    gateway: IpAddress | None = None

    def holds(self, address: IpAddress) -> bool:
        """Whether a pod can have it."""
        same = self.subnet.version == address.version and address != self.gateway
        return same and int(self.first) <= int(address) <= int(self.last)

    @property
    def hosts(self) -> int:
        """How many pods can have an address."""
        first, last = int(self.first), int(self.last)
        taken = self.gateway is not None and first <= int(self.gateway) <= last
        return last - first + (0 if taken else 1)


@dataclass(frozen=True, slots=True)
class Footprint:
    """One network. `link` is an interface of the nodes, or a bridge that a plugin makes; `vlan` the VLAN on it, 0 for none.

    `leases` names the store that keeps two pods from having one address; networks with the same one are safe from each other.
    `bounds` are the spans as IP version and numbers. `gateways` are those that the plugin itself sets on the bridge.
    `needs_ips`: it gives a pod no address that asks for none. `routed` is where its own routes lead.
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

    def is_beside(self, other: Footprint) -> bool:
        """Whether pods of both are neighbours."""
        return self.link == other.link != "" and self.vlan == other.vlan

    def meets(self, other: Footprint) -> bool:
        """Whether both give out some address. A thousand networks ask this of each other."""
        return any(
            version == another and low <= end and start <= high
            for version, low, high in self.bounds
            for another, start, end in other.bounds
        )


NONE = Footprint()


def of(nad: Nad) -> Footprint:
    """Of a configuration that cannot be read, or stands in a file of the nodes: NONE."""
    return _of(nad.namespace, nad.name, nad.config)


@functools.lru_cache(_REMEMBERED)
def _of(namespace: str, name: str, config: str) -> Footprint:
    _, root = syntax_rules.read(config)
    if root is None:
        return NONE
    network = plugin_chain.read(root, Nad(namespace, name))
    return read(network, Nad(namespace, name))


def read(network: Network, nad: Nad) -> Footprint:
    """Of a configuration that is read already."""
    if not network.entries:
        return NONE
    first = network.entries[0]
    conf = first.conf
    config_name = network.top.text("name") or nad.name
    link, vlan = _link(first)
    spans = tuple(_spans(first))
    return Footprint(
        type=first.type,
        network=config_name,
        link=link,
        vlan=vlan,
        mode=conf.text("mode") or "",
        mtu=conf.integer("mtu") or 0,
        spans=spans,
        bounds=tuple((span.subnet.version, int(span.first), int(span.last)) for span in spans),
        ipam=first.ipam_type,
        leases=_leases(first, config_name, nad.full_name),
        is_gateway=conf.flag("isGateway") or conf.flag("isDefaultGateway"),
        forces_address=conf.flag("forceAddress"),
        gateways=tuple(_gateways(first)),
        capabilities=frozenset(name for entry in network.entries for name in entry.context.capabilities),
        types=tuple(entry.type for entry in network.entries),
        needs_ips=first.ipam_type == "static" and not first.context.has_resource and not spans,
        chained_ipam=any(entry.ipam_type for entry in network.entries[1:]),
        routed=tuple(_routed(first)),
    )


def _link(entry: Entry) -> tuple[str, int]:
    """The link, and the VLAN on it."""
    conf = entry.conf
    if conf.flag("linkInContainer"):
        return "", 0
    if entry.type == "bridge":
        return conf.text("bridge") or "cni0", conf.integer("vlan") or 0
    if entry.type == "ovs":
        return f"ovs:{conf.text('bridge') or ''}", conf.integer("vlan") or 0
    if entry.type == "vlan":
        return conf.text("master") or "", conf.integer("vlanId") or 0
    if entry.type in {"macvlan", "ipvlan"}:
        return conf.text("master") or "", 0
    if entry.type == "host-device":
        return conf.text("device") or "", 0
    return "", 0


def _leases(entry: Entry, name: str, full_name: str) -> str:
    ipam = entry.ipam
    if ipam is None or not entry.ipam_type:
        return ""
    if entry.ipam_type == "host-local":
        return f"host-local in {(ipam.text('dataDir') or _HOST_LOCAL_DIR).rstrip('/')}/{name}"
    if entry.ipam_type == "whereabouts":
        return f"whereabouts {ipam.text('network_name') or ''}".rstrip()
    if entry.ipam_type == "static":
        return f"static in {full_name}"  # which nobody keeps
    return f"{entry.ipam_type}"


def _gateways(entry: Entry) -> Iterator[IpInterface]:
    """Those of a bridge that is a gateway: host-local's, else the subnet's first address (bridge.go: calcGateways)."""
    if entry.type != "bridge" or not (entry.conf.flag("isGateway") or entry.conf.flag("isDefaultGateway")):
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
    """Without default routes, behind which no gateway is looked for."""
    for view in entry.ipam.objects("routes") if entry.ipam else ():
        destination = addresses.parse_cidr(view.text("dst") or "")
        if destination is not None and destination.network.prefixlen:
            yield destination


def _ranges(ipam: View) -> Iterator[tuple[int, View]]:
    """The flat range, then those of the sets; each with the number of its set."""
    if ipam.text("subnet") is not None:
        yield 0, ipam
    for group, each in enumerate(ipam.items("ranges"), start=1):
        yield from ((group, view) for view in each.items() if isinstance(view.node.value, dict))


def _host_local(view: View, group: int) -> Span | None:
    """Its gateway is the subnet's first address where none is given (range.go: Canonicalize)."""
    subnet = addresses.parse_cidr(view.text("subnet") or "")
    if subnet is None:
        return None
    gateway = addresses.parse_ip(view.text("gateway") or "") or subnet.network.network_address + 1
    held = gateway if gateway.version == subnet.version else None
    return _within(subnet, view.text("rangeStart"), view.text("rangeEnd"), group, held)


def _whereabouts(view: View, group: int) -> Span | None:
    range_, start, end = view.text("range") or "", view.text("range_start"), view.text("range_end")
    dashed = re.fullmatch(r"\s*([^-\s]+)\s*-\s*([^/\s]+)/(\d+)\s*", range_)
    if dashed:
        start, end, range_ = start or dashed[1], end or dashed[2], f"{dashed[2]}/{dashed[3]}"
    subnet = addresses.parse_cidr(range_.strip())
    return _within(subnet, start, end, group) if subnet else None


def _within(
    subnet: IpInterface, start: str | None, end: str | None, group: int, gateway: IpAddress | None = None
) -> Span | None:
    """Without ends: all hosts. IPv4's broadcast address is none."""
    network = subnet.network
    last_host = network.broadcast_address - 1 if subnet.version == 4 else network.broadcast_address
    first = addresses.parse_ip(start or "") or network.network_address + 1
    last = addresses.parse_ip(end or "") or last_host
    sound = first in network and last in network and int(first) <= int(last)
    return Span(first, last, subnet, group, gateway) if sound else None
