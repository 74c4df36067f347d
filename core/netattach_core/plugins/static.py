"""static: the addresses that stand in the configuration, or that the pod asks for (static/main.go: LoadIPAMConfig)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from netattach_core.net import addresses
from netattach_core.plugins import common_rules, route_rules, schema_types
from netattach_core.plugins.host_local import ONE_PER_FAMILY
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

STATIC_ADDRESS = Rule("static-address", Severity.DENY, "an address that the static plugin cannot read")
STATIC_TWICE = Rule("static-address-twice", Severity.DENY, "one address twice")
STATIC_NONE = Rule("static-no-address", Severity.WARN, "static without an address: the pod has to bring one")
STATIC_GATEWAY = Rule(
    "static-gateway-outside-subnet", Severity.WARN, "a gateway outside the address's subnet"
)


def check(ipam: View, context: Context) -> Iterator[Finding]:
    """ST1 to ST3, ST7, ST8, ST10, G32, G35."""
    read: dict[object, None] = {}
    versions = set[int]()
    for item in ipam.inners("addresses"):
        address = addresses.parse_cidr(item.text("address") or "")
        yield from _gateway(item, address)
        if item.given("version"):
            problem = "`version` has no effect: static goes by the address"
            yield item.found(common_rules.NO_EFFECT, problem, "remove it", "version")
        if address is None:
            yield _unreadable(item)
            continue
        yield from common_rules.odd_address(item, "address", address)
        yield from _repeated(item, address, read, versions, context)
        read[_own(address)] = None
        versions.add(address.version)
    yield from common_rules.dropped_dns(ipam, context)
    if not ipam.value("addresses"):
        yield from _none(ipam, context)
    yield from route_rules.check(ipam, context, given(ipam, context))


def given(ipam: View, context: Context) -> tuple[route_rules.Given, ...] | None:
    """The pod's addresses; None where the pod may ask for others, which take the place of all of these (ST6)."""
    if "ips" in context.capabilities:
        return None
    pairs = [
        (addresses.parse_cidr(item.text("address") or ""), addresses.parse_ip(item.text("gateway") or ""))
        for item in ipam.inners("addresses")
    ]
    return tuple(route_rules.Given(address, gateway) for address, gateway in pairs if address)


def _unreadable(item: View) -> Finding:
    text = item.text("address")
    if text is None:
        return item.found(STATIC_ADDRESS, "an entry without `address`", 'add "address": "10.1.2.3/24"')
    if addresses.parse_ip(text):
        problem = f"`address` {text} has no prefix length; the static plugin refuses it"
        return item.found(
            STATIC_ADDRESS, problem, f'add the prefix length of its subnet: "{text}/24"', "address"
        )
    problem = f"`address` {text!r} is no IP address with a prefix length; the static plugin refuses it"
    return item.found(STATIC_ADDRESS, problem, 'write it as "10.1.2.3/24"', "address")


def _gateway(item: View, address: addresses.IpInterface | None) -> Iterator[Finding]:
    """ST2, ST10."""
    text = item.text("gateway")
    if not text:
        return
    gateway = addresses.parse_ip(text)
    if gateway is None:
        fix = "write one address without a prefix length"
        yield item.found(STATIC_ADDRESS, f"`gateway` {text!r} is no IP address", fix, "gateway")
    elif address is not None and gateway not in address.network and not gateway.is_link_local:
        problem = f"`gateway` {gateway} is outside {address.network}: the pod cannot reach it, and a route over it fails"
        yield item.found(STATIC_GATEWAY, problem, f"write an address of {address.network}", "gateway")


def _repeated(
    item: View,
    address: addresses.IpInterface,
    earlier: Collection[object],
    versions: Collection[int],
    context: Context,
) -> Iterator[Finding]:
    """ST7, ST8."""
    if _own(address) in earlier:
        problem = f"{address.ip if address.version == 6 else address} stands here twice; the kernel refuses the second"
        yield item.found(STATIC_TWICE, problem, "remove one", "address")
    elif context.older_than("0.3.0") and address.version in versions:
        problem = f"CNI {context.cni_version} holds one address of each IP version, and this is a second one"
        yield item.found(ONE_PER_FAMILY, problem, 'write "cniVersion": "1.0.0"', "address")


def _own(address: addresses.IpInterface) -> object:
    """What an interface cannot have twice: an IPv6 address, whatever its prefix length."""
    return address.ip if address.version == 6 else address


def _none(ipam: View, context: Context) -> Iterator[Finding]:
    """ST3. A warning: the pod's annotation may bring addresses, and then all is well."""
    if "ips" in context.capabilities:
        return
    problem = (
        "no `addresses`: each pod has to ask for one by its annotation, and one that does not fails; the capability `ips`, by "
        "which it is handed on, is not declared"
    )
    fix = (
        'add "capabilities": {"ips": true} beside `type`, so that a pod can ask with {"name": "'
        + (context.name or "…")
        + '", "ips": ["10.1.2.3/24"]} in k8s.v1.cni.cncf.io/networks; or write "addresses": [{"address": "10.1.2.3/24"}]'
    )
    yield ipam.found(STATIC_NONE, problem, fix)


PLUGIN = Plugin(
    type="static",
    source="plugins/ipam/static/main.go",
    role=Role.IPAM,
    capabilities=frozenset({"ips"}),
    schema=schema_types.record(
        addresses=schema_types.ADDRESSES,
        routes=schema_types.ROUTES,
        dns=schema_types.DNS,
    ),
    check=check,
    rules=(STATIC_ADDRESS, STATIC_TWICE, STATIC_NONE, STATIC_GATEWAY),
    aliases={"ips": "addresses", "ip": "address", "gw": "gateway"},
)
