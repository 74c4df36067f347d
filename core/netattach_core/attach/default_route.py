"""`default-route` of a pod's selections: which default routes are in force when its ADD ends (npwg-spec S53 to S55).

IPv4 and IPv6 each on their own. A family that nobody asks for is left as the plugins made it. Of one that is asked for, the pod
has the routes that were asked for and no other: what stands in the kernel is compared with them, and what differs is changed.

Other than Multus (multus section 1.6): an empty list means what the specification says, the default routes that this network's
own plugins set, where Multus takes all of them from the pod, the default network's too (Multus #1011).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.errors import AnnotationError, ConfigError
from netattach_core.net import addresses

FAMILIES = (4, 6)
"""IP versions, as `ipaddress` counts them."""


_ADVERTISED_METRIC = 1024
"""Of IPv6 routes for which nobody says another one: the plugins', and those of router advertisements, which come at any time."""

_METRIC = {4: 0, 6: 512}
"""By family, of the routes that we set: before the advertised ones. Of one metric, a router that calls itself preferred wins."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One network's `default-route`; no `gateways` means: the default routes that its own plugins set."""

    network: str
    ifname: str
    gateways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a route leads; `gateway` is "" where that is the link itself."""

    ifname: str
    gateway: str


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """A default route of the kernel's main table. Several `hops`: one packet takes one of them. `metric` 0: the kernel's own."""

    family: int
    hops: tuple[Hop, ...]
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What makes the kernel's table the one that was asked for; first what is `removed`."""

    removed: tuple[DefaultRoute, ...]
    added: tuple[DefaultRoute, ...]


InForce = Mapping[int, tuple[Hop, ...]]
"""By family, where its default routes lead; without the families that are left as they are."""


def check(asked: Sequence[Asked]) -> None:
    """Raises AnnotationError for what cannot all be in force, or is no gateway; nothing has been touched then."""
    found = {
        family: [(g, each) for each in asked for g in of_family(each.gateways, family)] for family in FAMILIES
    }
    for family, gateways in found.items():
        if len(gateways) > 1:
            both = " and ".join(f"{gateway} ({each.network})" for gateway, each in gateways)
            raise AnnotationError(
                f"`default-route` asks for {both}: a pod has one default route of IPv{family}, and no ECMP; keep one"
            )
    own = [each.network for each in asked if not each.gateways]
    if len(own) > 1:
        raise AnnotationError(
            f"an empty `default-route` stands with {' and '.join(own)}: only one network can give the pod its default routes; "
            "keep one"
        )
    for gateway, each in (pair for pairs in found.values() for pair in pairs):
        problem = gateway_problem(gateway)
        if problem:
            raise AnnotationError(f"network {each.network}: `default-route` {problem}")


def check_own(asked: Sequence[Asked], own: Iterable[str]) -> None:
    """Raises ConfigError for a gateway among the pod's `own` addresses (CIDRs): the kernel takes it, and nothing gets out."""
    hosts = {ip.ip for text in own if (ip := addresses.parse_cidr(text)) is not None}
    for each in asked:
        for gateway in each.gateways:
            if addresses.parse_ip(gateway) in hosts:
                raise ConfigError(
                    f"network {each.network}: `default-route` {gateway} is the pod's own address; ask for its gateway"
                )


def gateway_problem(gateway: str) -> str | None:
    """Why an address is none that a route can lead over, or None."""
    ip = addresses.parse_ip(gateway)
    if ip is None:
        return f"{gateway} is no address"
    if ip.is_unspecified or ip.is_multicast or ip.is_loopback or str(ip) == "255.255.255.255":
        return f"{gateway} is no address of a gateway"
    return None


def of_family(gateways: Iterable[str], family: int) -> list[str]:
    """Those of one IP version, as the kernel writes them."""
    parsed = (addresses.parse_ip(gateway) for gateway in gateways)
    return [str(ip) for ip in parsed if ip is not None and ip.version == family]


def in_force(asked: Sequence[Asked], routes: Sequence[DefaultRoute]) -> InForce:
    """What has to be in force, where `routes` are what the plugins have made.

    A gateway that was asked for counts before the routes of a network that is to keep its own. Where such a network has none of a
    family, that family stays as it is: nobody asked for another one, and the pod would have none.
    """
    wanted: dict[int, tuple[Hop, ...]] = {}
    for family in FAMILIES:
        hops = [Hop(each.ifname, g) for each in asked for g in of_family(each.gateways, family)] or _own(
            asked, routes, family
        )
        if hops:
            wanted[family] = tuple(dict.fromkeys(hops))
    return wanted


def changes(wanted: InForce, routes: Sequence[DefaultRoute]) -> Changes:
    """What is still to be done; nothing, where the kernel's `routes` are what is wanted. The one validator of success."""
    removed, added = [], []
    for family, hops in wanted.items():
        present = [route for route in routes if route.family == family]
        wrong = [route for route in present if not set(route.hops) <= set(hops) or _has_rivals(route)]
        there = {hop for route in present if route not in wrong for hop in route.hops}
        removed += wrong
        added += [DefaultRoute(family, (hop,), _METRIC[family]) for hop in hops if hop not in there]
    return Changes(tuple(removed), tuple(added))


def _has_rivals(route: DefaultRoute) -> bool:
    """Whether an advertised route would be in force beside it, or before."""
    return route.family == 6 and route.metric >= _ADVERTISED_METRIC


def leading(routes: Sequence[DefaultRoute]) -> InForce:
    """Where a packet goes: by family, the hops of the route with the smallest metric, of several the kernel's first."""
    best: dict[int, DefaultRoute] = {}
    for route in routes:
        known = best.get(route.family)
        if known is None or route.metric < known.metric:
            best[route.family] = route
    return {family: route.hops for family, route in best.items()}


def _own(asked: Sequence[Asked], routes: Sequence[DefaultRoute], family: int) -> list[Hop]:
    keeping = {each.ifname for each in asked if not each.gateways}
    return [hop for route in routes if route.family == family for hop in route.hops if hop.ifname in keeping]
