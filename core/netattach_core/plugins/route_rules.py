"""Routes of an `ipam` section, as a plugin passes them to the kernel (CNI plugins `pkg/ipam/ipam_linux.go: ConfigureIface`).

A route without `gw` uses the gateway of the first address of its IP family that has one. The kernel requires a next hop that is
reachable on the link: in the subnet of an address, or covered by an earlier route without a next hop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_core.net import addresses
from netattach_core.plugins import address_text
from netattach_core.plugins.ipam import SubnetSet
from netattach_core.plugins.plugin import Context
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding, Rule, Severity

DENY, WARN = Severity.DENY, Severity.WARN

ROUTE = Rule("route", DENY, "a route that cannot be added")
ROUTE_TWICE = Rule("route-twice", DENY, "the same route twice")
ROUTE_GATEWAY = Rule("route-gateway", DENY, "a next hop that the pod cannot reach")
ROUTE_DEFAULT = Rule("route-default", WARN, "a default route in a secondary network")

RULES = (ROUTE, ROUTE_TWICE, ROUTE_GATEWAY, ROUTE_DEFAULT)

_LINK, _HOST, _NOWHERE = 253, 254, 255
"""Route scopes (`rtnetlink.h: rt_scope_t`): link, host, nowhere."""

_MAIN_TABLE = 254
_METRIC_V6 = 1024
"""The metric of an IPv6 route that names none."""

_MAX_LISTED = 10
"""Subnets that a message lists; it counts the rest."""


@dataclass(frozen=True, slots=True)
class PodAddress:
    """An address that a pod gets, and its gateway. bridge may add a missing one (`with_bridge_gateways`)."""

    address: addresses.IpInterface
    gateway: addresses.IpAddress | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    """A route as the plugin passes it to the kernel."""

    view: ConfigView
    to: addresses.IpInterface
    gateway: addresses.IpAddress | None
    own_gateway: bool
    scope: int

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two routes different for the kernel. Plugins do not pass on `mtu` and `advmss`; IPv6 has no scopes."""
        table = self.view.integer("table") or _MAIN_TABLE
        scope = self.scope if self.to.version == 4 else 0
        hop = self.gateway or self.own_gateway
        return self.to.network, hop, scope, table, self.view.integer("priority") or 0


def check(
    ipam: ConfigView, context: Context, pod_addresses: Sequence[PodAddress] | None, *, may_grow: bool = False
) -> Iterator[Finding]:
    """The findings about `routes`. `pod_addresses` is the pod's addresses; None where they depend on the pod.

    `may_grow`: a pod can request more addresses, which may make other next hops reachable.
    A result before CNI 0.3.0 drops the routes of an IP family without an address: they are parsed, but not added, so that a
    wrong one is only a warning.
    """
    link = _Link(with_bridge_gateways(pod_addresses or None, context), may_grow=may_grow)
    families = {each.address.version for each in pod_addresses or ()}
    for version, finding in _check(ipam, context, link):
        certain = not context.older_than("0.3.0") or version is None or version in families
        yield finding if certain else dataclasses.replace(finding, severity=WARN)


def with_bridge_gateways(
    pod_addresses: Sequence[PodAddress] | None, context: Context
) -> Sequence[PodAddress] | None:
    """With the gateways that bridge adds: the first address of the subnet (`bridge.go: calcGatewayIP`)."""
    if pod_addresses is None or not context.adds_gateways:
        return pod_addresses
    return [PodAddress(each.address, each.gateway or _first_address(each.address)) for each in pod_addresses]


def _first_address(address: addresses.IpInterface) -> addresses.IpAddress:
    network = address.network
    return network.network_address + 1 if network.prefixlen < network.max_prefixlen else address.ip


def _check(ipam: ConfigView, context: Context, link: _Link) -> Iterator[tuple[int | None, Finding]]:
    """Each finding with the IP family of its route; None where the route cannot be parsed."""
    seen = set[tuple[object, ...]]()
    for view in ipam.objects("routes"):
        destination = addresses.parse_cidr(view.text("dst") or "")
        if destination is None:
            yield None, _bad_destination(view)
            continue
        route, problem = _read(view, destination, link.pod_addresses)
        if problem:
            yield None, problem
        for finding in _of_route(route, seen, link, context, is_read=not problem):
            yield route.to.version, finding


def _of_route(
    route: _Route, seen: set[tuple[object, ...]], link: _Link, context: Context, *, is_read: bool
) -> Iterator[Finding]:
    yield from _host_bits(route, context)
    if is_read:
        yield from _twice(route, seen, context)
    if is_read and (route.own_gateway or link.pod_addresses is not None):
        yield from _next_hop(route, link, context)
        link.add(route)
    yield from _default(route, context)


def _read(
    view: ConfigView, destination: addresses.IpInterface, pod_addresses: Sequence[PodAddress] | None
) -> tuple[_Route, Finding | None]:
    text, scope = view.text("gw"), (view.integer("scope") or 0) & 0xFF
    gateway = addresses.parse_ip(text or "")
    problem = None
    if text and gateway is None:
        problem = bad_gateway(view, text)
    if not text:
        gateway = next(
            (
                p.gateway
                for p in pod_addresses or ()
                if p.gateway and p.gateway.version == destination.version
            ),
            None,
        )
    if gateway and gateway.is_unspecified and gateway.version == destination.version == 4:
        gateway = None  # the kernel reads it as no gateway
    return _Route(view, destination, gateway, bool(text), scope), problem


class _Link:
    """What the pod reaches on the link so far; `known` is false where its addresses depend on the pod."""

    def __init__(self, pod_addresses: Sequence[PodAddress] | None, *, may_grow: bool = False) -> None:
        self.pod_addresses = pod_addresses
        self.may_grow = may_grow
        # The kernel adds no route for a subnet of 0.0.0.0/8.
        self.known = bool(pod_addresses)
        self.networks = [p.address.network for p in pod_addresses or () if not _is_zero(p.address)]
        self._inside = SubnetSet(self.networks)

    def add(self, route: _Route) -> None:
        """Adds the destination of a route without a next hop; for IPv4 its scope has to be link or narrower, too."""
        if route.gateway is None and (route.to.version == 6 or route.scope >= _LINK):
            self.networks.append(route.to.network)
            self._inside.add(route.to.network)

    def reaches(self, gateway: addresses.IpAddress) -> bool:
        """Whether a next hop is on the link; IPv6 link-local addresses are on every link."""
        return (gateway.version == 6 and gateway.is_link_local) or self._inside.covers(gateway)

    def is_broadcast(self, gateway: addresses.IpAddress) -> bool:
        return gateway.version == 4 and any(
            gateway == network.broadcast_address for network in self.networks if network.prefixlen < 31
        )


def _is_zero(address: addresses.IpInterface) -> bool:
    return address.version == 4 and int(address.network.network_address) >> 24 == 0


def _bad_destination(view: ConfigView) -> Finding:
    text = view.text("dst")
    if text is None:
        fix = 'write an address and a prefix length: "10.0.0.0/8", or "0.0.0.0/0" for a default route'
        return view.found(ROUTE, "a route without `dst`; the plugin cannot parse it", fix)
    problem = f"`dst` {text!r} is not a valid CIDR{address_text.why(text)}; the plugin cannot parse it"
    fix = address_text.fix_cidr(text, "10.0.0.0/8", "fd00:1::/48")
    if text.strip().lower() == "default":
        fix = 'write "0.0.0.0/0", or "::/0" for IPv6'
    return view.found(ROUTE, problem, fix, "dst")


def bad_gateway(view: ConfigView, text: str) -> Finding:
    """The finding about a `gw` that is not an address."""
    problem = f"`gw` {text!r} is not a valid IP address{address_text.why(text, cidr=False)}"
    return view.found(ROUTE_GATEWAY, problem, address_text.fix_ip(text, "10.1.2.1", "fd00:1:2::1"), "gw")


def _host_bits(route: _Route, context: Context) -> Iterator[Finding]:
    """The kernel refuses an IPv4 destination with host bits ("invalid argument"), and clears those of an IPv6 one."""
    if route.to.ip != route.to.network.network_address:
        refused = route.to.version == 4 and context.sets_routes
        outcome = "the kernel refuses such a route" if refused else "they have no effect"
        problem = f"`dst` {route.to} has host bits set: {outcome}"
        fix = f"write {route.to.network}"
        yield route.view.found(ROUTE, problem, fix, "dst", severity=DENY if refused else WARN)


def _twice(route: _Route, seen: set[tuple[object, ...]], context: Context) -> Iterator[Finding]:
    """A duplicate route; the kernel refuses the second one ("file exists")."""
    if route.key in seen:
        refused = context.sets_routes
        problem = "duplicate route" + ("; the kernel refuses the second one" if refused else "")
        fix = "remove one, or give one of them another `priority` or `table`"
        yield route.view.found(ROUTE_TWICE, problem, fix, severity=DENY if refused else WARN)
    seen.add(route.key)


def _next_hop(route: _Route, link: _Link, context: Context) -> Iterator[Finding]:
    """A next hop that the kernel refuses: unreachable, of the other IP family, or together with scope link."""
    gateway, view = route.gateway, route.view
    severity = DENY if route.own_gateway or context.sets_routes else WARN
    where = ("gw",) if route.own_gateway else ()
    if route.to.version == 4 and route.scope == _NOWHERE:
        problem = f"`scope` {view.integer('scope')} means RT_SCOPE_NOWHERE; the kernel refuses such a route"
        yield view.found(ROUTE, problem, "remove `scope`", "scope", severity=severity)
    elif gateway is None:
        return
    elif gateway.version != route.to.version:
        problem = (
            f"`gw` {gateway} and `dst` {route.to} are of different IP families; the kernel refuses the route"
        )
        yield view.found(ROUTE_GATEWAY, problem, "write one route for each IP family", *where)
    elif route.to.version == 4 and route.scope >= _LINK:
        what = "`gw`" if route.own_gateway else f"a next hop, and this one uses the gateway {gateway}"
        problem = f"a route of scope {route.scope} ends on the link itself; the kernel refuses it with {what}"
        fix = (
            "remove `scope` or `gw`"
            if route.own_gateway
            else "remove `scope`, or the `gateway` of the address"
        )
        yield view.found(ROUTE_GATEWAY, problem, fix, *where, severity=severity)
    elif context.sets_routes:
        yield from _unreachable(route, gateway, link)


def _unreachable(route: _Route, gateway: addresses.IpAddress, link: _Link) -> Iterator[Finding]:
    where = ("gw",) if route.own_gateway else ()
    name = f"`gw` {gateway}" if route.own_gateway else f"the gateway {gateway} of this route"
    fix = "write a next hop in the pod's subnet" if route.own_gateway else "correct the gateway, or add `gw`"
    if gateway.version == 6 and (gateway.is_unspecified or gateway.is_multicast or gateway.is_loopback):
        yield route.view.found(
            ROUTE_GATEWAY, f"{name} is not a host address; the kernel refuses the route", fix, *where
        )
    elif link.known and not link.reaches(gateway):
        unless = ", unless the pod requests an address that reaches it" if link.may_grow else ""
        problem = (
            f"{name} is outside of the pod's subnets, {_listed(link)}: the kernel refuses the route{unless}"
        )
        yield route.view.found(ROUTE_GATEWAY, problem, fix, *where, severity=WARN if link.may_grow else None)
    elif link.known and link.is_broadcast(gateway):
        problem = f"{name} is the broadcast address of the pod's subnet: the kernel refuses the route"
        yield route.view.found(ROUTE_GATEWAY, problem, fix, *where, severity=WARN if link.may_grow else None)


def _listed(link: _Link) -> str:
    listed = ", ".join(map(str, link.networks[:_MAX_LISTED])) or "none"
    more = len(link.networks) - _MAX_LISTED
    return f"{listed} and {more} more" if more > 0 else listed


def _default(route: _Route, context: Context) -> Iterator[Finding]:
    """A default route. Plugins add routes with create-only, so that the newest default route of equal metric wins.

    That of the default network wins over one with a higher metric, and one that is not in the main table: in a table of its
    own, or where sbr moves it.
    """
    table, metric = route.view.integer("table") or _MAIN_TABLE, route.view.integer("priority") or 0
    loses = metric > (0 if route.to.version == 4 else _METRIC_V6) or table != _MAIN_TABLE
    if route.to.network.prefixlen == 0 and not loses and not context.routes_moved_after:
        problem = (
            "a default route in a secondary network: the newest one wins, so all traffic of the pod leaves through this "
            "interface instead of the cluster's default network"
        )
        fix = "write routes only to the destinations of this network"
        yield route.view.found(ROUTE_DEFAULT, problem, fix, "dst")


def uses_gateways(ipam: ConfigView, context: Context) -> bool:
    """Whether anything uses the gateways of the pod's addresses: a route without `gw`, a bridge, or sbr."""
    routes = ipam.objects("routes")
    return (
        any(not route.text("gw") for route in routes) or context.adds_gateways or context.routes_moved_after
    )


def gateway_problem(each: PodAddress) -> str:
    """Why the kernel refuses a default route through the gateway of this address; "" where it accepts it."""
    gateway, link = each.gateway, _Link([each])
    if gateway is None:
        return ""
    if gateway.version != each.address.version:
        return f"is of another IP family than {each.address}"
    if gateway.version == 6 and (gateway.is_unspecified or gateway.is_multicast or gateway.is_loopback):
        return "is not a host address"
    if gateway.is_unspecified:
        return ""
    if not link.reaches(gateway):
        return f"is outside {each.address.network}"
    return "is the broadcast address" if link.is_broadcast(gateway) else ""
