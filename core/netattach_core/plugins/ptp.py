"""ptp: a veth pair without a bridge, routed on the node (ptp.go: NetConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.net import addresses
from netattach_core.plugins import common_rules, schema_types
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding


def check(conf: View, context: Context) -> Iterator[Finding]:
    """PT2 to PT4."""
    yield from common_rules.mtu(conf)
    yield from common_rules.mtu_for_ipv6(conf)
    backend = conf.text("ipMasqBackend")
    if backend is not None and backend not in {"iptables", "nftables"} and conf.flag("ipMasq"):
        problem = f"`ipMasqBackend` {backend!r} is not one of iptables, nftables"
        yield conf.found(
            common_rules.KEY_VALUE, problem, "write one of them, or leave it out", "ipMasqBackend"
        )
    ipam = conf.inner("ipam")
    if ipam is None or ipam.text("type") != "static" or "ips" in context.capabilities:
        return
    networks = set[object]()
    for item in ipam.inners("addresses"):
        yield from _address(item, networks)


def _address(item: View, networks: set[object]) -> Iterator[Finding]:
    """The kernel's route to the subnet is taken away, and one over the gateway put in its place (ptp.go: setupContainerVeth)."""
    address = addresses.parse_cidr(item.text("address") or "")
    gateway = addresses.parse_ip(item.text("gateway") or "")
    if not item.text("gateway"):
        problem = "an address without `gateway`: ptp routes all over the gateway, and fails without one"
        yield item.found(common_rules.KEY_NEEDED, problem, 'add "gateway": an address of the same subnet')
    if address is None:
        return
    network = address.network
    if gateway and gateway.version != address.version:
        problem = f"`gateway` {gateway} is of another IP version than {address}: ptp cannot route over it, and fails"
        yield item.found(common_rules.KEY_VALUE, problem, "write one of the same IP version", "gateway")
    if network.prefixlen == network.max_prefixlen and network.version == 4:
        problem = f"`address` {address} is a subnet of one address, to which there is no route for ptp to change: it fails"
        yield item.found(
            common_rules.KEY_VALUE, problem, "write the prefix length of a subnet, 31 or less", "address"
        )
    if network in networks:
        problem = f"a second address of {network}: ptp makes the route to it twice, and fails"
        yield item.found(common_rules.KEY_VALUE, problem, "remove one", "address")
    networks.add(network)


PLUGIN = Plugin(
    type="ptp",
    source="plugins/main/ptp/ptp.go",
    role=Role.MAIN,
    capabilities=frozenset(),
    schema=schema_types.record(
        ipMasq=schema_types.FLAG, ipMasqBackend=schema_types.TEXT, mtu=schema_types.WHOLE
    ),
    check=check,
    ipam=Ipam.REQUIRED,
)
