"""Routes of an IPAM section, as a plugin hands them to the kernel (pkg/ipam/ipam_linux.go: ConfigureIface). G19 to G26.

A route without `gw` takes the gateway of the first address of its IP version that has one. The kernel then wants the next hop
behind a route of the link itself: the subnet of an address, or a route without next hop before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_core.net import addresses
from netattach_core.plugins import ipam as addressing
from netattach_core.plugins.plugin import Context
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding, Rule, Severity

DENY, WARN = Severity.DENY, Severity.WARN

ROUTE = Rule("route", DENY, "a route that cannot be set")
ROUTE_TWICE = Rule("route-twice", DENY, "the same route twice")
ROUTE_GATEWAY = Rule("route-gateway", DENY, "a next hop that the pod cannot reach")
ROUTE_DEFAULT = Rule("route-default", WARN, "a default route in an additional network")

RULES = (ROUTE, ROUTE_TWICE, ROUTE_GATEWAY, ROUTE_DEFAULT)

_LINK, _HOST, _NOWHERE = 253, 254, 255
"""Scopes (rtnetlink.h): up to where a route's destination is away."""

_MAIN_TABLE = 254
_NAMED = 10
"""Subnets that a message names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Given:
    """An address that a pod gets, and the gateway that comes with it. `bridge` puts one in where there is none (`gateways`)."""

    address: addresses.IpInterface
    gateway: addresses.IpAddress | None = None


@dataclass(frozen=True, slots=True)
class _Route:
    """A route as the kernel is told of it."""

    view: View
    to: addresses.IpInterface
    gateway: addresses.IpAddress | None
    own_gateway: bool
    scope: int

    @property
    def key(self) -> tuple[object, ...]:
        """What the kernel tells two routes apart by. `mtu` and `advmss` are not handed on; IPv6 has no scopes."""
        table = self.view.whole("table") or _MAIN_TABLE
        scope = self.scope if self.to.version == 4 else 0
        hop = self.gateway or self.own_gateway
        return self.to.network, hop, scope, table, self.view.whole("priority") or 0


def check(
    ipam: View, context: Context, given: Sequence[Given] | None, *, may_grow: bool = False
) -> Iterator[Finding]:
    """All that is wrong with `routes`. `given` is what the pod's addresses will be; None where only the pod will tell.

    `may_grow`: a pod can ask for others besides, from which it may reach what it does not from these.
    Before 0.3.0 a result loses the routes of a family without an address, so that not every wrong one comes to be set; but all
    are read.
    """
    link = _Link(gateways(given or None, context), may_grow=may_grow)
    there = {each.address.version for each in given or ()}
    for version, finding in _check(ipam, context, link):
        certain = not context.older_than("0.3.0") or version is None or version in there
        yield finding if certain else dataclasses.replace(finding, severity=WARN)


def gateways(given: Sequence[Given] | None, context: Context) -> Sequence[Given] | None:
    """With the gateways that bridge puts in: the first address of the subnet (bridge.go: calcGatewayIP)."""
    if given is None or not context.makes_gateways:
        return given
    return [Given(each.address, each.gateway or _first(each.address)) for each in given]


def _first(address: addresses.IpInterface) -> addresses.IpAddress:
    network = address.network
    return network.network_address + 1 if network.prefixlen < network.max_prefixlen else address.ip


def _check(ipam: View, context: Context, link: _Link) -> Iterator[tuple[int | None, Finding]]:
    """Each finding with the IP version of its route; None where the route cannot be read."""
    seen = set[tuple[object, ...]]()
    for view in ipam.inners("routes"):
        destination = addresses.parse_cidr(view.text("dst") or "")
        if destination is None:
            yield None, _bad_destination(view)
            continue
        route, problem = _read(view, destination, link.given)
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
    if is_read and (route.own_gateway or link.given is not None):
        yield from _next_hop(route, link, context)
        link.add(route)
    yield from _default(route)


def _read(
    view: View, destination: addresses.IpInterface, given: Sequence[Given] | None
) -> tuple[_Route, Finding | None]:
    text, scope = view.text("gw"), (view.whole("scope") or 0) & 0xFF
    gateway = addresses.parse_ip(text or "")
    problem = None
    if text and gateway is None:
        problem = view.found(
            ROUTE_GATEWAY, f"`gw` {text!r} is no IP address", "write an address without a prefix", "gw"
        )
    if not text:
        gateway = next(
            (g.gateway for g in given or () if g.gateway and g.gateway.version == destination.version), None
        )
    if gateway and gateway.is_unspecified and gateway.version == destination.version == 4:
        gateway = None  # to the kernel, that is none
    return _Route(view, destination, gateway, bool(text), scope), problem


class _Link:
    """What the pod reaches on the link itself so far; `known` is false where only the pod will tell."""

    def __init__(self, given: Sequence[Given] | None, *, may_grow: bool = False) -> None:
        self.given = given
        self.may_grow = may_grow
        # The kernel makes no route for a subnet of 0.0.0.0/8.
        self.known = bool(given)
        self.networks = [g.address.network for g in given or () if not _is_zero(g.address)]
        self._inside = addressing.Networks(self.networks)

    def add(self, route: _Route) -> None:
        """A route without next hop. IPv4 wants its scope to say so, too."""
        if route.gateway is None and (route.to.version == 6 or route.scope >= _LINK):
            self.networks.append(route.to.network)
            self._inside.add(route.to.network)

    def reaches(self, gateway: addresses.IpAddress) -> bool:
        """Link-local addresses are on every link; for IPv6 they are the usual next hop."""
        return (gateway.version == 6 and gateway.is_link_local) or self._inside.hold(gateway)

    def is_broadcast(self, gateway: addresses.IpAddress) -> bool:
        return gateway.version == 4 and any(
            gateway == network.broadcast_address for network in self.networks if network.prefixlen < 31
        )


def _is_zero(address: addresses.IpInterface) -> bool:
    return address.version == 4 and int(address.network.network_address) >> 24 == 0


def _bad_destination(view: View) -> Finding:
    text = view.text("dst")
    problem = (
        "a route without `dst`" if text is None else f"`dst` {text!r} is no address with a prefix length"
    )
    fix = 'write it as "10.0.0.0/8", or "0.0.0.0/0" for a default route'
    return view.found(
        ROUTE, f"{problem}; the plugin cannot read it", fix, *(() if text is None else ("dst",))
    )


def _host_bits(route: _Route, context: Context) -> Iterator[Finding]:
    """G20. For IPv6 they are cut off."""
    if route.to.ip != route.to.network.network_address:
        refused = route.to.version == 4 and context.sets_routes
        outcome = "the kernel refuses such a route" if refused else "they have no meaning"
        problem = f"`dst` {route.to} has bits set behind its prefix length: {outcome}"
        fix = f"write {route.to.network}"
        yield route.view.found(ROUTE, problem, fix, "dst", severity=DENY if refused else WARN)


def _twice(route: _Route, seen: set[tuple[object, ...]], context: Context) -> Iterator[Finding]:
    """G21: the kernel says "file exists"."""
    if route.key in seen:
        refused = context.sets_routes
        problem = "this route stands here twice" + ("; the kernel refuses the second" if refused else "")
        fix = "remove one, or give it another `priority` or `table`"
        yield route.view.found(ROUTE_TWICE, problem, fix, severity=DENY if refused else WARN)
    seen.add(route.key)


def _next_hop(route: _Route, link: _Link, context: Context) -> Iterator[Finding]:
    """G23, G24."""
    gateway, view = route.gateway, route.view
    severity = DENY if route.own_gateway or context.sets_routes else WARN
    where = ("gw",) if route.own_gateway else ()
    if route.to.version == 4 and route.scope == _NOWHERE:
        problem = f"`scope` {view.whole('scope')} leads nowhere; the kernel refuses such a route"
        yield view.found(ROUTE, problem, "remove `scope`", "scope", severity=severity)
    elif gateway is None:
        return
    elif gateway.version != route.to.version:
        problem = f"`gw` {gateway} and `dst` {route.to} are not of the same IP version; the kernel refuses the route"
        yield view.found(ROUTE_GATEWAY, problem, "give each IP version its own route", *where)
    elif route.to.version == 4 and route.scope >= _LINK:
        what = "with `gw`" if route.own_gateway else f"with a next hop, and its address brings {gateway}"
        problem = f"a route of scope {route.scope} ends on this link; the kernel refuses it {what}"
        fix = "remove `scope` or `gw`" if route.own_gateway else "remove `scope`, or the address's `gateway`"
        yield view.found(ROUTE_GATEWAY, problem, fix, *where, severity=severity)
    elif context.sets_routes:
        yield from _unreachable(route, gateway, link)


def _unreachable(route: _Route, gateway: addresses.IpAddress, link: _Link) -> Iterator[Finding]:
    where = ("gw",) if route.own_gateway else ()
    name = f"`gw` {gateway}" if route.own_gateway else f"the gateway {gateway}, which this route takes,"
    fix = (
        "write a next hop of the pod's own subnet"
        if route.own_gateway
        else "correct the gateway, or add `gw`"
    )
    if gateway.version == 6 and (gateway.is_unspecified or gateway.is_multicast or gateway.is_loopback):
        yield route.view.found(
            ROUTE_GATEWAY, f"{name} is no address of a host; the kernel refuses the route", fix, *where
        )
    elif link.known and not link.reaches(gateway):
        unless = ", unless the pod asks for one from which it is reached" if link.may_grow else ""
        problem = f"{name} is not in {_listed(link)}, where the pod's addresses are: the kernel refuses such a route{unless}"
        yield route.view.found(ROUTE_GATEWAY, problem, fix, *where, severity=WARN if link.may_grow else None)
    elif link.known and link.is_broadcast(gateway):
        problem = f"{name} is the broadcast address of the pod's subnet: the kernel refuses such a route"
        yield route.view.found(ROUTE_GATEWAY, problem, fix, *where, severity=WARN if link.may_grow else None)


def _listed(link: _Link) -> str:
    named = ", ".join(map(str, link.networks[:_NAMED])) or "any subnet"
    return f"{named} and {len(link.networks) - _NAMED} more" if len(link.networks) > _NAMED else named


def _default(route: _Route) -> Iterator[Finding]:
    """G25."""
    if route.to.network.prefixlen == 0:
        problem = (
            "a default route in an additional network: the newest one wins, so all traffic of the pod leaves by this "
            "interface and not by the cluster's"
        )
        fix = "route only what belongs to this network"
        yield route.view.found(ROUTE_DEFAULT, problem, fix, "dst")


def gateway_problem(each: Given) -> str:
    """Why the kernel refuses a default route over the gateway of this address; "" where it does not."""
    gateway, link = each.gateway, _Link([each])
    if gateway is None:
        return ""
    if gateway.version != each.address.version:
        return f"is of another IP version than {each.address}"
    if gateway.version == 6 and (gateway.is_unspecified or gateway.is_multicast or gateway.is_loopback):
        return "is no address of a host"
    if gateway.is_unspecified:
        return ""
    if not link.reaches(gateway):
        return f"is outside {each.address.network}"
    return "is the broadcast address" if link.is_broadcast(gateway) else ""
