"""`default-route` of a pod's network selections: the pod's default routes at the end of its ADD.

Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.9. IPv4 and IPv6 are independent. Without a request for a family
its routes stay as the plugins set them. With one, the pod has the requested routes and no others: they are compared with the
kernel's, and differences are corrected.

In contrast to Multus, an empty list has the meaning of the specification, the default routes that this network's plugins set;
Multus removes all of them from the pod, including those of the default network (Multus issue #1011).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.errors import AnnotationError, ConfigError
from netattach_core.net import addresses

FAMILIES = (4, 6)
"""IP versions, as `ipaddress` counts them."""


_ADVERTISED_METRIC = 1024
"""The kernel's default for IPv6: of the plugins' routes and of advertised ones, which appear at any time."""

_METRIC = {4: 0, 6: 512}
"""By family, of the routes that netattach sets: lower than advertised ones, which may win at the same metric."""


@dataclass(frozen=True, slots=True)
class Request:
    """One network's `default-route`; empty `gateways` stand for the default routes that its plugins set."""

    network: str
    ifname: str
    gateways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """A next hop; `gateway` is "" for a route over the link itself."""

    ifname: str
    gateway: str


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """A default route of the kernel's main table; several `hops` are ECMP. `metric` 0 is the kernel's default."""

    family: int
    hops: tuple[Hop, ...]
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """The corrections of the kernel's table; `removed` comes first."""

    removed: tuple[DefaultRoute, ...]
    added: tuple[DefaultRoute, ...]


InForce = Mapping[int, tuple[Hop, ...]]
"""The next hops of the default routes by family; without the families that stay as they are."""


def check(requests: Sequence[Request]) -> None:
    """Raises AnnotationError for conflicting requests and for addresses that cannot be gateways."""
    found = {
        family: [(g, each) for each in requests for g in of_family(each.gateways, family)]
        for family in FAMILIES
    }
    for family, gateways in found.items():
        if len(gateways) > 1:
            both = " and ".join(f"{gateway} ({each.network})" for gateway, each in gateways)
            raise AnnotationError(
                f"`default-route` requests {both}: a pod has one default route of IPv{family}, and no ECMP; keep one"
            )
    own = [each.network for each in requests if not each.gateways]
    if len(own) > 1:
        raise AnnotationError(
            f"`default-route` is empty for {' and '.join(own)}: only one network can set the pod's default routes; keep one"
        )
    for gateway, each in (pair for pairs in found.values() for pair in pairs):
        problem = gateway_problem(gateway)
        if problem:
            raise AnnotationError(f"network {each.network}: `default-route` {problem}")


def check_own(requests: Sequence[Request], own: Iterable[str]) -> None:
    """Raises ConfigError for a gateway among the pod's `own` addresses (CIDRs): the kernel accepts it and no packet leaves."""
    hosts = {ip.ip for text in own if (ip := addresses.parse_cidr(text)) is not None}
    for each in requests:
        for gateway in each.gateways:
            if addresses.parse_ip(gateway) in hosts:
                raise ConfigError(
                    f"network {each.network}: `default-route` {gateway} is the pod's own address; request its gateway"
                )


def gateway_problem(gateway: str) -> str | None:
    """Why the address cannot be a gateway, None if it can."""
    ip = addresses.parse_ip(gateway)
    if ip is None:
        return f"{gateway} is not an IP address"
    if ip.is_unspecified or ip.is_multicast or ip.is_loopback or str(ip) == "255.255.255.255":
        return f"{gateway} cannot be a gateway"
    return None


def of_family(gateways: Iterable[str], family: int) -> list[str]:
    """Those of one IP version, in the kernel's notation."""
    parsed = (addresses.parse_ip(gateway) for gateway in gateways)
    return [str(ip) for ip in parsed if ip is not None and ip.version == family]


def in_force(requests: Sequence[Request], routes: Sequence[DefaultRoute]) -> InForce:
    """The next hops that the pod has to have, given the `routes` that the plugins have set.

    A requested gateway precedes the routes of a network that keeps its own. If such a network has none of a family, that family
    stays as it is: otherwise the pod would have no default route.
    """
    wanted: dict[int, tuple[Hop, ...]] = {}
    for family in FAMILIES:
        hops = [Hop(each.ifname, g) for each in requests for g in of_family(each.gateways, family)] or _own(
            requests, routes, family
        )
        if hops:
            wanted[family] = tuple(dict.fromkeys(hops))
    return wanted


def changes(wanted: InForce, routes: Sequence[DefaultRoute]) -> Changes:
    """The corrections of the kernel's `routes`; none if they are as wanted, which is also the test of success."""
    removed, added = [], []
    for family, hops in wanted.items():
        present = [route for route in routes if route.family == family]
        wrong = [route for route in present if not set(route.hops) <= set(hops) or _has_rivals(route)]
        right = {hop for route in present if route not in wrong for hop in route.hops}
        removed += wrong
        added += [DefaultRoute(family, (hop,), _METRIC[family]) for hop in hops if hop not in right]
    return Changes(tuple(removed), tuple(added))


def _has_rivals(route: DefaultRoute) -> bool:
    """Whether the kernel would prefer an advertised route, or use both."""
    return route.family == 6 and route.metric >= _ADVERTISED_METRIC


def leading(routes: Sequence[DefaultRoute]) -> InForce:
    """The next hops that the kernel uses: by family, those of the first route with the lowest metric."""
    best: dict[int, DefaultRoute] = {}
    for route in routes:
        known = best.get(route.family)
        if known is None or route.metric < known.metric:
            best[route.family] = route
    return {family: route.hops for family, route in best.items()}


def _own(requests: Sequence[Request], routes: Sequence[DefaultRoute], family: int) -> list[Hop]:
    """Of the network with an empty `default-route`."""
    keeping = {each.ifname for each in requests if not each.gateways}
    return [hop for route in routes if route.family == family for hop in route.hops if hop.ifname in keeping]
