"""route-override: deletes and adds routes (`route-override.go: RouteOverrideConfig, parseConf`)."""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.net import addresses
from netattach_core.plugins import address_text, common_rules, route_rules, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Severity

_REFUSED = "the kernel refuses such a route, and the pod starts without it"


def check(config: ConfigView, context: Context) -> Iterator[Finding]:
    """The findings about a config of route-override. A route with a next hop but without `dst` is a default route."""
    for key in ("delroutes", "addroutes"):
        for view in config.objects(key):
            yield from _route(view, added=key == "addroutes")
    args = config.object("args")
    if args is not None and not args.has("cni"):
        problem = "`args` without `cni` crashes route-override, unless the pod has cni-args"
        yield config.found(
            common_rules.KEY_NEEDED, problem, 'write "args": {"cni": {}}', "args", severity=Severity.WARN
        )


def _route(view: ConfigView, *, added: bool) -> Iterator[Finding]:
    text = view.text("dst")
    destination = addresses.parse_cidr(text or "")
    if text is not None and destination is None:
        problem = (
            f"`dst` {text!r} is not a valid CIDR{address_text.why(text)}; route-override cannot parse it"
        )
        yield view.found(
            route_rules.ROUTE, problem, address_text.fix_cidr(text, "10.0.0.0/8", "fd00:1::/48"), "dst"
        )
        return
    gateway_text = view.text("gw")
    gateway = addresses.parse_ip(gateway_text or "")
    if gateway_text and gateway is None:
        yield route_rules.bad_gateway(view, gateway_text)
    if added and destination is not None:
        yield from _added(view, destination, gateway)


def _added(
    view: ConfigView, destination: addresses.IpInterface, gateway: addresses.IpAddress | None
) -> Iterator[Finding]:
    """Only warnings: the plugin logs the kernel's error and continues (`route-override.go: processRoutes`)."""
    if destination.version == 4 and destination.ip != destination.network.network_address:
        problem = f"`dst` {destination} has host bits set: {_REFUSED}"
        yield view.found(
            route_rules.ROUTE, problem, f"write {destination.network}", "dst", severity=Severity.WARN
        )
    if gateway is not None and gateway.version != destination.version:
        problem = f"`gw` {gateway} and `dst` {destination} are of different IP families: {_REFUSED}"
        fix = "write one route for each IP family"
        yield view.found(route_rules.ROUTE_GATEWAY, problem, fix, "gw", severity=Severity.WARN)


PLUGIN = Plugin(
    type="route-override",
    source="cni-route-override cmd/route-override/route-override.go",
    role=Role.CHAINED,
    schema=schema_types.object_of(
        flushroutes=schema_types.BOOLEAN,
        flushgateway=schema_types.BOOLEAN,
        delroutes=schema_types.ROUTES,
        addroutes=schema_types.ROUTES,
        skipcheck=schema_types.BOOLEAN,
        debug=schema_types.ANYTHING,  # only newer releases read this key and the next one
        externalinterface=schema_types.ANYTHING,
    ),
    check=check,
    aliases={"routes": "addroutes"},
    capabilities=frozenset(),
)
