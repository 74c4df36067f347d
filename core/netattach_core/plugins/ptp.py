"""ptp: a veth pair without a bridge, routed on the node (`ptp.go: NetConf, cmdAdd`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.net import addresses
from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of ptp."""
    yield from common_rules.mtu(config)
    yield from common_rules.mtu_for_ipv6(config)
    backend = config.text("ipMasqBackend")
    if backend is not None and backend not in {"iptables", "nftables"} and config.flag("ipMasq"):
        problem = f"`ipMasqBackend` {backend!r} is not supported"
        yield config.found(
            common_rules.KEY_VALUE, problem, "write iptables or nftables, or remove it", "ipMasqBackend"
        )
    ipam = config.object("ipam")
    if ipam is None or ipam.text("type") != "static" or "ips" in context.capabilities:
        return
    networks = set[object]()
    for item in ipam.objects("addresses"):
        yield from _address(item, networks)


def _address(item: ConfigView, networks: set[object]) -> Iterator[Finding]:
    """ptp replaces the kernel's route to the subnet by one through the gateway (`ptp.go: setupContainerVeth`)."""
    address = addresses.parse_cidr(item.text("address") or "")
    gateway = addresses.parse_ip(item.text("gateway") or "")
    if not item.text("gateway"):
        problem = (
            "the address has no `gateway`; ptp routes all traffic through the gateway and fails without one"
        )
        yield item.found(common_rules.KEY_NEEDED, problem, 'add "gateway", an address in the same subnet')
    if address is None:
        return
    network = address.network
    if gateway and gateway.version != address.version:
        problem = f"`gateway` {gateway} and `address` {address} are of different IP families; ptp fails"
        yield item.found(common_rules.KEY_VALUE, problem, "write a gateway of the same IP family", "gateway")
    if network.prefixlen == network.max_prefixlen and network.version == 4:
        problem = f"`address` {address} is a subnet of a single address, for which ptp finds no route to replace: it fails"
        yield item.found(
            common_rules.KEY_VALUE, problem, "write the prefix length of the subnet, at most 31", "address"
        )
    if network in networks:
        problem = f"second address in {network}: ptp adds the route to the subnet twice and fails"
        yield item.found(common_rules.KEY_VALUE, problem, "remove one of the two", "address")
    networks.add(network)


PLUGIN = Plugin(
    type="ptp",
    source="plugins/main/ptp/ptp.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.object_of(
        ipMasq=schema_types.BOOLEAN, ipMasqBackend=schema_types.STRING, mtu=schema_types.INTEGER
    ),
    check=check,
    ipam=Ipam.REQUIRED,
)
