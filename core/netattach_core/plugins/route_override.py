"""route-override: takes routes away and adds others (cmd/route-override/route-override.go: RouteOverrideConfig, parseConf)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.net import addresses
from netattach_core.plugins import common_rules, route_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Severity

_REFUSED = "the kernel refuses such a route, and the pod starts without it"


def check(conf: View, context: Context) -> Iterator[Finding]:
    """G19, G20, G23. A route without `dst` is one to everywhere, if it has a next hop."""
    for key in ("delroutes", "addroutes"):
        for view in conf.inners(key):
            yield from _route(view, added=key == "addroutes")
    args = conf.inner("args")
    if args is not None and not args.given("cni"):
        problem = "`args` without `cni` makes route-override crash, unless the pod brings cni-args"
        yield conf.found(
            common_rules.KEY_NEEDED, problem, 'write "args": {"cni": {}}', "args", severity=Severity.WARN
        )


def _route(view: View, *, added: bool) -> Iterator[Finding]:
    text = view.text("dst")
    destination = addresses.parse_cidr(text or "")
    if text is not None and destination is None:
        problem = f"`dst` {text!r} is no address with a prefix length; route-override cannot read it"
        yield view.found(route_rules.ROUTE, problem, 'write it as "10.0.0.0/8"', "dst")
        return
    gateway_text = view.text("gw")
    gateway = addresses.parse_ip(gateway_text or "")
    if gateway_text and gateway is None:
        problem = f"`gw` {gateway_text!r} is no IP address"
        yield view.found(route_rules.ROUTE_GATEWAY, problem, "write an address without a prefix", "gw")
    if added and destination is not None:
        yield from _added(view, destination, gateway)


def _added(
    view: View, destination: addresses.IpInterface, gateway: addresses.IpAddress | None
) -> Iterator[Finding]:
    """Warnings: the plugin prints what the kernel says, and goes on (route-override.go: processRoutes)."""
    if destination.version == 4 and destination.ip != destination.network.network_address:
        problem = f"`dst` {destination} has bits set behind its prefix length: {_REFUSED}"
        yield view.found(
            route_rules.ROUTE, problem, f"write {destination.network}", "dst", severity=Severity.WARN
        )
    if gateway is not None and gateway.version != destination.version:
        problem = f"`gw` {gateway} and `dst` {destination} are not of the same IP version: {_REFUSED}"
        fix = "give each IP version its own route"
        yield view.found(route_rules.ROUTE_GATEWAY, problem, fix, "gw", severity=Severity.WARN)


PLUGIN = Plugin(
    type="route-override",
    source="cni-route-override cmd/route-override/route-override.go",
    role=Role.CHAINED,
    schema=schema_types.record(
        flushroutes=schema_types.FLAG,
        flushgateway=schema_types.FLAG,
        delroutes=schema_types.ROUTES,
        addroutes=schema_types.ROUTES,
        skipcheck=schema_types.FLAG,
        debug=schema_types.ANYTHING,  # these two only newer releases read
        externalinterface=schema_types.ANYTHING,
    ),
    check=check,
    aliases={"routes": "addroutes"},
    capabilities=frozenset(),
)
