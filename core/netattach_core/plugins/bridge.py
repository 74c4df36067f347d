"""bridge: a veth pair with its node end in a Linux bridge (bridge.go: NetConf, loadNetConf, cmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core import addresses
from netattach_core.finding import Finding, Rule, Severity
from netattach_core.plugins import addressing, common, fields
from netattach_core.plugins.plugin import Context, Ipam, Plugin, Role
from netattach_core.plugins.view import View

VLAN_TRUNK = Rule("vlan-trunk", Severity.DENY, "a range of VLANs that the bridge plugin cannot read")
DEFAULT_ROUTE_TWICE = Rule("default-route-twice", Severity.DENY, "two default routes of one IP version")

_VLAN_ID = fields.whole(1, 4094)
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
    """BR1 to BR11, G22, G30."""
    yield from common.interface_name(conf, "bridge")
    yield from common.mtu(conf)
    yield from common.mtu_for_ipv6(conf)
    yield from _trunk(conf)
    yield from common.not_both(conf, "hairpinMode", "promiscMode", "the bridge plugin refuses that")
    yield from _layer_3(conf)
    yield from _masquerade_backend(conf)
    yield from _default_route(conf)


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


def _layer_3(conf: View) -> Iterator[Finding]:
    """BR8, BR10."""
    has_ipam = addressing.ipam_type(conf) is not None
    if has_ipam and conf.flag("disableContainerInterface"):
        problem = "`disableContainerInterface` leaves no interface that could have an address; the plugin refuses an `ipam`"
        yield conf.found(common.KEYS_EXCLUDE, problem, "remove one of the two", "disableContainerInterface")
    for key in ("isGateway", "isDefaultGateway", "ipMasq"):
        if not has_ipam and conf.flag(key):
            problem = f"`{key}` has no effect: without `ipam` the bridge plugin sets no addresses at all"
            yield conf.found(common.NO_EFFECT, problem, f"add an `ipam`, or remove `{key}`", key)


def _masquerade_backend(conf: View) -> Iterator[Finding]:
    """BR9: refused only where the backend is used."""
    backend = conf.text("ipMasqBackend")
    used = conf.flag("ipMasq") and addressing.ipam_type(conf) is not None
    if backend is not None and backend not in {"iptables", "nftables"} and (backend or used):
        yield conf.found(
            common.KEY_VALUE,
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
        if not (
            route.text("gw") or route.whole("priority") or route.whole("table") not in {None, 0, _MAIN_TABLE}
        ):
            problem = (
                "`isDefaultGateway` sets a default route, and this is a second one: the kernel refuses it"
            )
            mend = "remove this route, give it a `gw`, or write `isGateway` instead of `isDefaultGateway`"
            yield route.found(DEFAULT_ROUTE_TWICE, problem, mend, "dst")


PLUGIN = Plugin(
    type="bridge",
    source="plugins/main/bridge/bridge.go",
    role=Role.MAIN,
    schema=fields.record(
        bridge=fields.TEXT,
        mtu=fields.WHOLE,
        vlan=fields.VLAN,
        vlanTrunk=fields.list_of(
            {"type": ["object", "null"], "properties": dict.fromkeys(("id", "minID", "maxID"), _VLAN_ID)}
        ),
        ipMasqBackend=fields.TEXT,
        **dict.fromkeys(_FLAGS, fields.FLAG),
    ),
    check=check,
    rules=(VLAN_TRUNK, DEFAULT_ROUTE_TWICE),
    ipam=Ipam.OPTIONAL,
    aliases={
        "name_of_bridge": "bridge",
        "br": "bridge",
        "vlanId": "vlan",
        "vlanID": "vlan",
        "vlan_id": "vlan",
        "trunk": "vlanTrunk",
    },
)
