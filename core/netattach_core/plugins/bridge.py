"""bridge: a veth pair whose node end is a port of a Linux bridge (`bridge.go: NetConf, loadNetConf, cmdAdd`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netattach_core.net import addresses, names
from netattach_core.plugins import common_rules, host_local, route_rules, schema_types, static
from netattach_core.plugins.ipam import ip_families, ipam_type
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

VLAN_TRUNK = Rule("vlan-trunk", Severity.DENY, "a VLAN range that the bridge plugin refuses")
DEFAULT_ROUTE_TWICE = Rule("default-route-twice", Severity.DENY, "two default routes of one IP family")

UNTAGGED = Rule("bridge-untagged", Severity.WARN, "an empty VLAN trunk, which enables VLAN filtering")
GATEWAY_TWICE = Rule("bridge-gateway-twice", Severity.DENY, "several gateway addresses for one bridge")
DEFAULT_GATEWAY = Rule(
    "default-gateway", Severity.DENY, "a default route through a gateway that the pod cannot reach"
)

_TAG = schema_types.integer(1, 4094)
_MAIN_TABLE = 254
_FLAGS = (
    "isGateway",
    "isDefaultGateway",
    "forceAddress",
    "ipMasq",
    "hairpinMode",
    "promiscMode",
    "macspoofchk",
    "enabledad",
    "disableContainerInterface",
    "portIsolation",
    "preserveDefaultVlan",
)


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of bridge."""
    yield from common_rules.interface_name(config, "bridge")
    yield from common_rules.mtu(config)
    yield from common_rules.mtu_for_ipv6(config)
    yield from _trunk(config)
    yield from _untagged(config)
    args = config.object("args")
    cni = args.object("cni") if args else None
    if cni is not None:
        yield from common_rules.mac(cni, "mac")
    yield from common_rules.exclude_each_other(
        config, "hairpinMode", "promiscMode", "the bridge plugin refuses the combination"
    )
    yield from _layer_3(config)
    yield from _masquerade_backend(config)
    yield from _default_route(config)
    pod_addresses = _pod_addresses(config, context)
    yield from _gateways(config, pod_addresses)
    yield from _default_gateway(config, pod_addresses)
    yield from _vlan_interface(config, pod_addresses)


def _pod_addresses(config: ConfigView, context: Context) -> Sequence[route_rules.PodAddress]:
    """The pod's addresses and the gateways that the bridge gets; empty where they are unknown, or without gateways."""
    ipam = config.object("ipam")
    if ipam is None or not context.adds_gateways:
        return ()
    reader = {"host-local": host_local.pod_addresses, "static": static.pod_addresses}.get(
        ipam.text("type") or ""
    )
    return route_rules.with_bridge_gateways(reader(ipam, context), context) or () if reader else ()


def _gateways(config: ConfigView, pod_addresses: Sequence[route_rules.PodAddress]) -> Iterator[Finding]:
    """The bridge gets one IPv4 gateway, and IPv6 gateways of separate subnets only (`bridge.go: ensureAddr`)."""
    if config.flag("forceAddress"):
        return
    earlier: list[addresses.IpInterface] = []
    for each in pod_addresses:
        own = addresses.parse_cidr(f"{each.gateway}/{each.address.network.prefixlen}")
        other = next((one for one in earlier if own and _excludes(own, one)), None)
        if other is not None:
            problem = (
                f"the bridge would need both {own} and {other} as gateways of the pod's addresses; the bridge plugin refuses the "
                "second one"
            )
            yield config.found(
                GATEWAY_TWICE, problem, "keep one range or address, or remove `isGateway`", "ipam"
            )
            return
        earlier += [own] if own else []


def _excludes(one: addresses.IpInterface, other: addresses.IpInterface) -> bool:
    if one.version != other.version or one == other:
        return False
    return one.version == 4 or one.ip in other.network or other.ip in one.network


def _default_gateway(
    config: ConfigView, pod_addresses: Sequence[route_rules.PodAddress]
) -> Iterator[Finding]:
    """The default routes of `isDefaultGateway`: through the gateway of the first address of each IP family."""
    if not config.flag("isDefaultGateway"):
        return
    first = {each.address.version: each for each in reversed(pod_addresses)}
    ipam = config.object("ipam")
    for route in ipam.objects("routes") if ipam else ():
        destination = addresses.parse_cidr(route.text("dst") or "")
        if destination and not destination.network.prefixlen and route.text("gw"):
            first.pop(destination.version, None)  # the plugin uses this route instead
    for each in first.values():
        problem = route_rules.gateway_problem(each)
        if problem:
            problem = f"`isDefaultGateway` adds a default route through {each.gateway}, which {problem}: the kernel refuses it"
            yield config.found(
                DEFAULT_GATEWAY, problem, "correct the gateway, or remove `isDefaultGateway`", "ipam"
            )


def _vlan_interface(config: ConfigView, pod_addresses: Sequence[route_rules.PodAddress]) -> Iterator[Finding]:
    """The gateway of a VLAN is an interface `<bridge>.<vlan>` with a length limit (`bridge.go: ensureVlanInterface`)."""
    vlan, name = config.integer("vlan"), config.text("bridge") or "cni0"
    if (
        pod_addresses
        and vlan
        and names.size(f"{name}.{vlan}") > names.MAX_INTERFACE_BYTES >= names.size(name)
    ):
        problem = (
            f"the gateway of VLAN {vlan} is the interface {name}.{vlan}; its name is longer than "
            f"{names.MAX_INTERFACE_BYTES} bytes and the kernel refuses it"
        )
        yield config.found(
            common_rules.INTERFACE_NAME, problem, "choose a shorter name for the bridge", "bridge"
        )


def _trunk(config: ConfigView) -> Iterator[Finding]:
    """VLAN ranges (`bridge.go: collectVlanTrunk`, which panics on a null)."""
    for item in config.items("vlanTrunk"):
        view = ConfigView(item.node, item.path)
        low, high = view.integer("minID"), view.integer("maxID")
        if item.node.value is None:
            yield item.found(VLAN_TRUNK, "null in `vlanTrunk` crashes the bridge plugin", "remove it")
        elif view.has("minID") != view.has("maxID"):
            missing = "maxID" if view.has("minID") else "minID"
            problem = f"the VLAN range has no `{missing}`; the bridge plugin refuses it"
            yield item.found(VLAN_TRUNK, problem, f"add `{missing}`, or write a single VLAN as `id`")
        elif low is not None and high is not None and low > high:
            yield item.found(
                VLAN_TRUNK, f"`minID` {low} is greater than `maxID` {high}", "swap the two", "minID"
            )


def _untagged(config: ConfigView) -> Iterator[Finding]:
    """`vlanTrunk`, even an empty one, enables VLAN filtering on the bridge (`bridge.go: setupBridge`).

    Untagged frames of a trunk without `vlan` are in VLAN 1, as without a trunk (`bridge.go: setupVeth`): that needs no warning.
    """
    if config.value("vlanTrunk") == [] and not config.integer("vlan"):
        problem = "an empty `vlanTrunk` still enables VLAN filtering on the bridge"
        yield config.found(UNTAGGED, problem, "remove it", "vlanTrunk")


def _layer_3(config: ConfigView) -> Iterator[Finding]:
    """Keys that exclude an `ipam`, or need one (`bridge.go: cmdAdd`)."""
    has_ipam = ipam_type(config) is not None
    if has_ipam and config.flag("disableContainerInterface"):
        problem = "`disableContainerInterface` and `ipam` exclude each other: the pod gets no interface to configure"
        yield config.found(
            common_rules.KEYS_EXCLUDE, problem, "remove one of the two", "disableContainerInterface"
        )
    for key in ("isGateway", "isDefaultGateway", "ipMasq"):
        if not has_ipam and config.flag(key):
            problem = f"`{key}` has no effect without `ipam`: the bridge plugin assigns no addresses"
            yield config.found(common_rules.NO_EFFECT, problem, f"add an `ipam`, or remove `{key}`", key)


def _masquerade_backend(config: ConfigView) -> Iterator[Finding]:
    """The plugin refuses an unknown backend only where it uses it (`pkg/ip/ipmasq_linux.go: SetupIPMasqForNetworks`)."""
    backend = config.text("ipMasqBackend")
    used = config.flag("ipMasq") and ipam_type(config) is not None
    if backend is not None and backend not in {"iptables", "nftables"} and (backend or used):
        yield config.found(
            common_rules.KEY_VALUE,
            f"`ipMasqBackend` {backend!r} is not supported",
            "write iptables or nftables, or remove it",
            "ipMasqBackend",
            severity=None if used else Severity.WARN,
        )


def _default_route(config: ConfigView) -> Iterator[Finding]:
    """A second default route of the same IP family, metric and table, which the kernel refuses ("file exists").

    The plugin adds none of its own where a default route in `routes` has a `gw`.
    """
    ipam = config.object("ipam")
    if ipam is None or not config.flag("isDefaultGateway"):
        return
    versions = ip_families(ipam)
    for route in ipam.objects("routes"):
        destination = addresses.parse_cidr(route.text("dst") or "")
        if destination is None or destination.network.prefixlen or destination.version not in versions:
            continue
        other = route.integer("priority") or route.integer("table") not in {None, 0, _MAIN_TABLE}
        if not (route.text("gw") or other or (route.integer("scope") or 0) & 0xFF):
            problem = "`isDefaultGateway` already adds a default route; the kernel refuses this second one"
            fix = "remove this route, add a `gw` to it, or write `isGateway` instead of `isDefaultGateway`"
            yield route.found(DEFAULT_ROUTE_TWICE, problem, fix, "dst")


PLUGIN = Plugin(
    type="bridge",
    source="plugins/main/bridge/bridge.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac"}),
    schema=schema_types.object_of(
        bridge=schema_types.STRING,
        mtu=schema_types.INTEGER,
        vlan=schema_types.VLAN_ID,
        vlanTrunk=schema_types.list_of(schema_types.vlan_range(_TAG)),
        ipMasqBackend=schema_types.STRING,
        args=schema_types.open_object(
            schema_types.object_of(
                cni=schema_types.open_object(schema_types.object_of(mac=schema_types.STRING))
            )
        ),
        **dict.fromkeys(_FLAGS, schema_types.BOOLEAN),
    ),
    check=check,
    rules=(VLAN_TRUNK, UNTAGGED, DEFAULT_ROUTE_TWICE, GATEWAY_TWICE, DEFAULT_GATEWAY),
    ipam=Ipam.OPTIONAL,
    aliases={
        "name_of_bridge": "bridge",
        "br": "bridge",
        "vlanId": "vlan",
        "vlanID": "vlan",
        "vlan_id": "vlan",
        "trunk": "vlanTrunk",
        "bridgeName": "bridge",
        "master": "bridge",
        "isGw": "isGateway",
        "ipMasquerade": "ipMasq",
        "hairpin": "hairpinMode",
    },
)
