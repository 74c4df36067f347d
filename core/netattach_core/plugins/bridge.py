"""bridge: a veth pair with its node end in a Linux bridge (bridge.go: NetConf, loadNetConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netattach_core.net import addresses, names
from netattach_core.plugins import common_rules, host_local, route_rules, schema_types, static
from netattach_core.plugins import ipam as addressing
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

VLAN_TRUNK = Rule("vlan-trunk", Severity.DENY, "a range of VLANs that the bridge plugin cannot read")
DEFAULT_ROUTE_TWICE = Rule("default-route-twice", Severity.DENY, "two default routes of one IP version")

UNTAGGED = Rule("bridge-untagged", Severity.WARN, "VLANs of which frames without a tag are no part")
GATEWAY_TWICE = Rule(
    "bridge-gateway-twice", Severity.DENY, "gateway addresses that one bridge cannot all have"
)
DEFAULT_GATEWAY = Rule(
    "default-gateway", Severity.DENY, "a default route over a gateway that the pod cannot reach"
)

_VLAN_ID = schema_types.whole(1, 4094)
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


def check(conf: View, context: Context) -> Iterator[Finding]:
    """BR1 to BR11, BR13, G22, G23, G30."""
    yield from common_rules.interface_name(conf, "bridge")
    yield from common_rules.mtu(conf)
    yield from common_rules.mtu_for_ipv6(conf)
    yield from _trunk(conf)
    yield from _untagged(conf)
    args = conf.inner("args")
    cni = args.inner("cni") if args else None
    if cni is not None:
        yield from common_rules.mac(cni, "mac")
    yield from common_rules.not_both(conf, "hairpinMode", "promiscMode", "the bridge plugin refuses that")
    yield from _layer_3(conf)
    yield from _masquerade_backend(conf)
    yield from _default_route(conf)
    given = _given(conf, context)
    yield from _gateways(conf, given)
    yield from _default_gateway(conf, given)
    yield from _vlan_interface(conf, given)


def _given(conf: View, context: Context) -> Sequence[route_rules.Given]:
    """The pod's addresses with the gateways that the bridge gets; none where they are not known, or it gets none."""
    ipam = conf.inner("ipam")
    if ipam is None or not context.makes_gateways:
        return ()
    reader = {"host-local": host_local.given, "static": static.given}.get(ipam.text("type") or "")
    return route_rules.gateways(reader(ipam, context), context) or () if reader else ()


def _gateways(conf: View, given: Sequence[route_rules.Given]) -> Iterator[Finding]:
    """BR13 within one NAD: the plugin refuses a second IPv4 address, or an IPv6 address of an overlapping subnet (ensureAddr)."""
    if conf.flag("forceAddress"):
        return
    earlier: list[addresses.IpInterface] = []
    for each in given:
        own = addresses.parse_cidr(f"{each.gateway}/{each.address.network.prefixlen}")
        other = next((one for one in earlier if own and _excludes(own, one)), None)
        if other is not None:
            problem = (
                f"the bridge would get {own} beside {other}, as gateways of the pod's addresses; the bridge plugin refuses the "
                "second"
            )
            yield conf.found(
                GATEWAY_TWICE, problem, "leave one range or address, or remove `isGateway`", "ipam"
            )
            return
        earlier += [own] if own else []


def _excludes(one: addresses.IpInterface, other: addresses.IpInterface) -> bool:
    if one.version != other.version or one == other:
        return False
    return one.version == 4 or one.ip in other.network or other.ip in one.network


def _default_gateway(conf: View, given: Sequence[route_rules.Given]) -> Iterator[Finding]:
    """G23, for the default routes that `isDefaultGateway` makes: over the gateway of the first address of each IP version."""
    if not conf.flag("isDefaultGateway"):
        return
    first = {each.address.version: each for each in reversed(given)}
    ipam = conf.inner("ipam")
    for route in ipam.inners("routes") if ipam else ():
        destination = addresses.parse_cidr(route.text("dst") or "")
        if destination and not destination.network.prefixlen and route.text("gw"):
            first.pop(destination.version, None)  # the plugin leaves it to that one
    for each in first.values():
        problem = route_rules.gateway_problem(each)
        if problem:
            problem = f"`isDefaultGateway` sets a default route over {each.gateway}, which {problem}: the kernel refuses it"
            yield conf.found(
                DEFAULT_GATEWAY, problem, "correct the gateway, or remove `isDefaultGateway`", "ipam"
            )


def _vlan_interface(conf: View, given: Sequence[route_rules.Given]) -> Iterator[Finding]:
    """BR11: the gateway of a VLAN is an interface of its own, and its name has to be one (ensureVlanInterface)."""
    vlan, name = conf.whole("vlan"), conf.text("bridge") or "cni0"
    if given and vlan and names.size(f"{name}.{vlan}") > names.MAX_INTERFACE_BYTES >= names.size(name):
        problem = f"the gateway of VLAN {vlan} would be the interface {name}.{vlan}, whose name is too long for the kernel"
        yield conf.found(common_rules.INTERFACE_NAME, problem, "give the bridge a shorter name", "bridge")


def _trunk(conf: View) -> Iterator[Finding]:
    """BR3, BR4 (a null makes the plugin panic)."""
    for item in conf.items("vlanTrunk"):
        view = View(item.node, item.path)
        low, high = view.whole("minID"), view.whole("maxID")
        if item.node.value is None:
            yield item.found(VLAN_TRUNK, "null in `vlanTrunk` makes the bridge plugin crash", "remove it")
        elif view.given("minID") != view.given("maxID"):
            missing = "maxID" if view.given("minID") else "minID"
            problem = f"a range of VLANs without `{missing}`; the bridge plugin refuses it"
            yield item.found(VLAN_TRUNK, problem, f"add `{missing}`, or write a single VLAN as `id`")
        elif low is not None and high is not None and low > high:
            yield item.found(
                VLAN_TRUNK, f"`minID` {low} is above `maxID` {high}", "exchange the two", "minID"
            )


def _untagged(conf: View) -> Iterator[Finding]:
    """BR5, BR6: any `vlanTrunk` turns filtering on."""
    if not isinstance(conf.value("vlanTrunk"), list) or conf.whole("vlan"):
        return
    if not conf.value("vlanTrunk"):
        problem = "an empty `vlanTrunk` still makes the bridge filter VLANs"
        yield conf.found(UNTAGGED, problem, "remove it", "vlanTrunk")
    elif not conf.flag("preserveDefaultVlan"):
        problem = "`vlanTrunk` without `vlan`: what the pod sends without a tag is dropped"
        yield conf.found(UNTAGGED, problem, "add `vlan`, the VLAN of frames without a tag", "vlanTrunk")


def _layer_3(conf: View) -> Iterator[Finding]:
    """BR8, BR10."""
    has_ipam = addressing.ipam_type(conf) is not None
    if has_ipam and conf.flag("disableContainerInterface"):
        problem = "`disableContainerInterface` leaves no interface that could have an address; the plugin refuses an `ipam`"
        yield conf.found(
            common_rules.KEYS_EXCLUDE, problem, "remove one of the two", "disableContainerInterface"
        )
    for key in ("isGateway", "isDefaultGateway", "ipMasq"):
        if not has_ipam and conf.flag(key):
            problem = f"`{key}` has no effect: without `ipam` the bridge plugin sets no addresses at all"
            yield conf.found(common_rules.NO_EFFECT, problem, f"add an `ipam`, or remove `{key}`", key)


def _masquerade_backend(conf: View) -> Iterator[Finding]:
    """BR9: refused only where the backend is used."""
    backend = conf.text("ipMasqBackend")
    used = conf.flag("ipMasq") and addressing.ipam_type(conf) is not None
    if backend is not None and backend not in {"iptables", "nftables"} and (backend or used):
        yield conf.found(
            common_rules.KEY_VALUE,
            f"`ipMasqBackend` {backend!r} is not one of iptables, nftables",
            "write one of them, or leave it out",
            "ipMasqBackend",
            severity=None if used else Severity.WARN,
        )


def _default_route(conf: View) -> Iterator[Finding]:
    """G22: the kernel says "file exists", for the same family, metric and table; a route with a `gw` is bridge's own then."""
    ipam = conf.inner("ipam")
    if ipam is None or not conf.flag("isDefaultGateway"):
        return
    versions = addressing.versions(ipam)
    for route in ipam.inners("routes"):
        destination = addresses.parse_cidr(route.text("dst") or "")
        if destination is None or destination.network.prefixlen or destination.version not in versions:
            continue
        other = route.whole("priority") or route.whole("table") not in {None, 0, _MAIN_TABLE}
        if not (route.text("gw") or other or (route.whole("scope") or 0) & 0xFF):
            problem = (
                "`isDefaultGateway` sets a default route, and this is a second one: the kernel refuses it"
            )
            fix = "remove this route, give it a `gw`, or write `isGateway` instead of `isDefaultGateway`"
            yield route.found(DEFAULT_ROUTE_TWICE, problem, fix, "dst")


PLUGIN = Plugin(
    type="bridge",
    source="plugins/main/bridge/bridge.go",
    role=Role.MAIN,
    capabilities=frozenset({"mac"}),
    schema=schema_types.record(
        bridge=schema_types.TEXT,
        mtu=schema_types.WHOLE,
        vlan=schema_types.VLAN,
        vlanTrunk=schema_types.list_of(
            schema_types.spelt(
                {"type": ["object", "null"], "properties": dict.fromkeys(("id", "minID", "maxID"), _VLAN_ID)},
                min="minID",
                max="maxID",
            )
        ),
        ipMasqBackend=schema_types.TEXT,
        args=schema_types.opened(
            schema_types.record(cni=schema_types.opened(schema_types.record(mac=schema_types.TEXT)))
        ),
        **dict.fromkeys(_FLAGS, schema_types.FLAG),
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
