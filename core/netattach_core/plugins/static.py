"""static: assigns the addresses of its config, or those that the pod requests (`static/main.go: LoadIPAMConfig`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from netattach_core.net import addresses
from netattach_core.plugins import address_text, common_rules, route_rules, schema_types
from netattach_core.plugins.host_local import ONE_PER_FAMILY
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

STATIC_ADDRESS = Rule("static-address", Severity.DENY, "an address that the static plugin cannot parse")
STATIC_TWICE = Rule("static-address-twice", Severity.DENY, "duplicate address")
STATIC_NONE = Rule(
    "static-no-address", Severity.ADVICE, "static without an address: each pod must request one"
)
STATIC_GATEWAY = Rule(
    "static-gateway-outside-subnet", Severity.WARN, "a gateway outside the subnet of its address"
)


def check(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about an `ipam` section of static."""
    seen: dict[object, None] = {}
    versions = set[int]()
    for item in ipam.objects("addresses"):
        address = addresses.parse_cidr(item.text("address") or "")
        if item.text("Address") is not None:
            yield common_rules.untagged_address(item, STATIC_ADDRESS, "the static plugin")
            continue
        yield from _gateway(item, address)
        if item.has("version"):
            problem = "`version` has no effect: static derives it from `address`"
            yield item.found(common_rules.NO_EFFECT, problem, "remove it", "version")
        if address is None:
            yield _unreadable(item)
            continue
        yield from common_rules.odd_address(item, "address", address)
        yield from _repeated(item, address, seen, versions, context)
        seen[_kernel_key(address)] = None
        versions.add(address.version)
    yield from common_rules.dropped_dns(ipam, context)
    if not ipam.value("addresses"):
        yield from _none(ipam, context)
    yield from route_rules.check(ipam, context, pod_addresses(ipam, context))


def pod_addresses(ipam: ConfigView, context: Context) -> tuple[route_rules.PodAddress, ...] | None:
    """The pod's addresses; None where the pod may request others, which replace all of these (`main.go: LoadIPAMConfig`)."""
    if "ips" in context.capabilities:
        return None
    pairs = [
        (addresses.parse_cidr(item.text("address") or ""), addresses.parse_ip(item.text("gateway") or ""))
        for item in ipam.objects("addresses")
    ]
    return tuple(route_rules.PodAddress(address, gateway) for address, gateway in pairs if address)


def _unreadable(item: ConfigView) -> Finding:
    text = item.text("address")
    if text is None:
        return item.found(STATIC_ADDRESS, "the entry has no `address`", 'add "address": "10.1.2.3/24"')
    problem = f"`address` {text!r} is not a valid CIDR{address_text.why(text)}; the static plugin refuses it"
    return item.found(
        STATIC_ADDRESS, problem, address_text.fix_cidr(text, "10.1.2.3/24", "fd00:1:2::3/64"), "address"
    )


def _gateway(item: ConfigView, address: addresses.IpInterface | None) -> Iterator[Finding]:
    """A gateway that static cannot parse, or that the pod cannot reach."""
    text = item.text("gateway")
    if not text:
        return
    gateway = addresses.parse_ip(text)
    if gateway is None:
        problem = f"`gateway` {text!r} is not a valid IP address{address_text.why(text, cidr=False)}"
        fix = address_text.fix_ip(text, "10.1.2.1", "fd00:1:2::1")
        yield item.found(STATIC_ADDRESS, problem, fix, "gateway")
    elif address is not None and gateway not in address.network and not gateway.is_link_local:
        problem = f"`gateway` {gateway} is outside {address.network}: the pod cannot reach it, and routes through it fail"
        yield item.found(STATIC_GATEWAY, problem, f"write an address in {address.network}", "gateway")


def _repeated(
    item: ConfigView,
    address: addresses.IpInterface,
    earlier: Collection[object],
    versions: Collection[int],
    context: Context,
) -> Iterator[Finding]:
    """A duplicate address, or a second one of its IP family before CNI 0.3.0."""
    if _kernel_key(address) in earlier:
        problem = f"duplicate address {address.ip if address.version == 6 else address}; the kernel refuses the second one"
        yield item.found(STATIC_TWICE, problem, "remove one", "address")
    elif context.older_than("0.3.0") and address.version in versions:
        problem = f"CNI {context.cni_version} supports one address per IP family, but this is the second one"
        yield item.found(ONE_PER_FAMILY, problem, 'write "cniVersion": "1.0.0"', "address")


def _kernel_key(address: addresses.IpInterface) -> object:
    """What is unique on an interface: an IPv4 address with its prefix length, an IPv6 address without."""
    return address.ip if address.version == 6 else address


def _none(ipam: ConfigView, context: Context) -> Iterator[Finding]:
    """No address at all: a pod that requests none is refused by another rule, `pod-address-missing`.

    A request reaches the plugin without the capability, too, as `IP` in CNI_ARGS (`main.go: LoadIPAMConfig`).
    """
    if "ips" in context.capabilities:
        return
    problem = "`addresses` is empty or missing: each pod must request an address in its annotation, or it fails to start"
    fix = (
        'request one in k8s.v1.cni.cncf.io/networks of each pod, {"name": "'
        + (context.name or "…")
        + '", "ips": ["10.1.2.3/24"]}, or write "addresses": [{"address": "10.1.2.3/24"}]'
    )
    yield ipam.found(STATIC_NONE, problem, fix)


PLUGIN = Plugin(
    type="static",
    source="plugins/ipam/static/main.go",
    role=Role.IPAM,
    capabilities=frozenset({"ips"}),
    schema=schema_types.object_of(
        addresses=schema_types.ADDRESSES,
        routes=schema_types.ROUTES,
        dns=schema_types.DNS,
    ),
    check=check,
    rules=(STATIC_ADDRESS, STATIC_TWICE, STATIC_NONE, STATIC_GATEWAY),
    aliases={"ips": "addresses", "ip": "address", "gw": "gateway"},
)
