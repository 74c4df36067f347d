"""Checks that several plugins share: interface names, MTU, MAC, routes, addresses. Numbers are those of plugin-schemas."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterator, Sequence

from netattach_core import addresses, names
from netattach_core.finding import Finding, Rule, Severity
from netattach_core.plugins import addressing
from netattach_core.plugins.plugin import Context
from netattach_core.plugins.view import View

DENY, WARN = Severity.DENY, Severity.WARN

INTERFACE_NAME = Rule("interface-name", DENY, "a name that the kernel does not take for an interface")
LOOPBACK = Rule("loopback", DENY, "the loopback interface where a real one is needed")
MTU = Rule("mtu", DENY, "an MTU that the kernel refuses")
MAC = Rule("mac", DENY, "a MAC address that cannot be set")
KEYS_EXCLUDE = Rule("keys-exclude-each-other", DENY, "two keys that the plugin does not take together")
KEY_NEEDED = Rule("key-needed", DENY, "a key without which the plugin fails")
KEY_VALUE = Rule("key-value", DENY, "a value that the plugin does not know")
NO_EFFECT = Rule("no-effect", WARN, "a key that has no effect in this place")
ONE_USER = Rule("one-pod-per-node", WARN, "something that only one pod of a node can have")
ROUTE = Rule("route", DENY, "a route that cannot be set")
ROUTE_TWICE = Rule("route-twice", DENY, "the same route twice")
ROUTE_GATEWAY = Rule("route-gateway", DENY, "a next hop that the pod cannot reach")
ROUTE_DEFAULT = Rule("route-default", WARN, "a default route in an additional network")
ADDRESS_ODD = Rule("address-odd", WARN, "an address that no host should have")

RULES = (
    INTERFACE_NAME,
    MTU,
    MAC,
    KEYS_EXCLUDE,
    KEY_NEEDED,
    KEY_VALUE,
    LOOPBACK,
    NO_EFFECT,
    ONE_USER,
    ROUTE,
    ROUTE_TWICE,
    ROUTE_GATEWAY,
    ROUTE_DEFAULT,
    ADDRESS_ODD,
)

_BARE_MAC = re.compile(r"[0-9a-f]{12}", re.IGNORECASE)
_LINK_SCOPE = 253
_IPV6_MTU = 1280
_NAMED = 10
"""Subnets that a message names; the rest is counted."""


def interface_name(conf: View, key: str) -> Iterator[Finding]:
    """An interface that the plugin makes or looks up by a name of the author's (BR1, VR2)."""
    name = conf.text(key)
    problem = names.interface_problem(name) if name is not None else None
    if problem:
        mend = f"write a name of 1 to {names.MAX_INTERFACE_BYTES} bytes, without blanks, '/', ':' and '%'"
        yield conf.found(INTERFACE_NAME, f"{problem}, and the kernel refuses it", mend, key)


def not_loopback(conf: View, key: str) -> Iterator[Finding]:
    """MV4, HD6: the kernel says "invalid argument"."""
    if conf.text(key) == "lo" and not conf.flag("linkInContainer"):
        yield conf.found(
            LOOPBACK,
            f"`{key}` is the loopback interface, which carries no network",
            "name a network card",
            key,
        )


def mtu(conf: View, *, negative: str = "the plugin ignores it") -> Iterator[Finding]:
    """G30: 1..67 and above 65535 fail; 0 is the default. `negative` says what the plugin does below 0."""
    value = conf.whole("mtu")
    if value is None or value == 0 or 68 <= value <= 65535:
        return
    if value < 0:
        ignored = negative == "the plugin ignores it"
        yield conf.found(
            NO_EFFECT if ignored else MTU,
            f"`mtu` is {value}: {negative}",
            "leave it out, or write 68 to 65535",
            "mtu",
        )
    else:
        yield conf.found(
            MTU, f"`mtu` is {value}: the kernel refuses it", "write 68 to 65535, or leave it out", "mtu"
        )


def mtu_for_ipv6(conf: View) -> Iterator[Finding]:
    """G31: on a smaller link the kernel has no IPv6, and the plugin does not find its settings."""
    value, ipam = conf.whole("mtu"), conf.inner("ipam")
    if value is not None and 68 <= value < _IPV6_MTU and ipam and 6 in addressing.versions(ipam):
        problem = f"`mtu` is {value}, and IPv6 needs {_IPV6_MTU}: the pod's IPv6 address cannot be set"
        yield conf.found(MTU, problem, f"write {_IPV6_MTU} or more, or leave it out", "mtu")


def mac(conf: View, key: str) -> Iterator[Finding]:
    """G27. Twelve digits without separators are read by new Go only, so they are left to the plugin."""
    text = conf.text(key)
    if not text or _BARE_MAC.fullmatch(text):
        return
    if not addresses.is_ethernet_mac(text):
        yield conf.found(
            MAC, f"`{key}` {text!r} is no Ethernet address", "write six bytes: 02:00:5e:10:00:01", key
        )
        return
    digits = re.sub(r"[:.-]", "", text)
    if int(digits[:2], 16) & 1 or not int(digits, 16):
        problem = (
            f"`{key}` {text} is a group address or all zeros: the kernel cannot assign it to an interface"
        )
        yield conf.found(MAC, problem, "write a unicast address: 02:00:5e:10:00:01", key)


def not_both(conf: View, one: str, other: str, why: str) -> Iterator[Finding]:
    """Two flags that must not both be true."""
    if conf.flag(one) and conf.flag(other):
        yield conf.found(
            KEYS_EXCLUDE, f"`{one}` and `{other}` are both true: {why}", "keep one of the two", other
        )


def routes(
    ipam: View, context: Context, subnets: Sequence[addresses.IpInterface] | None
) -> Iterator[Finding]:
    """G19 to G26. `subnets` are those that the pod's addresses will be in; None where only the pod will tell.

    Before 0.3.0 a result loses the routes of a family without an address, so that not every wrong one comes to be set.
    """
    for finding in _routes(ipam, context, subnets):
        certain = not context.older_than("0.3.0")
        yield finding if certain else dataclasses.replace(finding, severity=WARN)


def _routes(
    ipam: View, context: Context, subnets: Sequence[addresses.IpInterface] | None
) -> Iterator[Finding]:
    seen = set[str]()
    reachable = _reachable(ipam, subnets)
    networks = addressing.Networks(one.network for one in reachable or ())
    for route in ipam.inners("routes"):
        destination = addresses.parse_cidr(route.text("dst") or "")
        if destination is None:
            yield _bad_destination(route)
            continue
        yield from _host_bits(route, destination, context)
        yield from _twice(route, seen, context)
        yield from _next_hop(route, destination, context, reachable, networks)
        yield from _default(route, destination, context)


def _bad_destination(route: View) -> Finding:
    text = route.text("dst")
    problem = (
        "a route without `dst`" if text is None else f"`dst` {text!r} is no address with a prefix length"
    )
    mend = 'write it as "10.0.0.0/8", or "0.0.0.0/0" for a default route'
    return route.found(
        ROUTE, f"{problem}; the plugin cannot read it", mend, *(() if text is None else ("dst",))
    )


def _host_bits(route: View, destination: addresses.IpInterface, context: Context) -> Iterator[Finding]:
    """G20. For IPv6 they are cut off."""
    if destination.ip != destination.network.network_address:
        refused = destination.version == 4 and context.main in _SETS_ROUTES
        outcome = "the kernel refuses such a route" if refused else "they have no meaning"
        problem = f"`dst` {destination} has bits set behind its prefix length: {outcome}"
        yield route.found(
            ROUTE, problem, f"write {destination.network}", "dst", severity=DENY if refused else WARN
        )


def _twice(route: View, seen: set[str], context: Context) -> Iterator[Finding]:
    """G21: the kernel says "file exists"."""
    key = repr(sorted(route.node.value.items()))
    if key in seen:
        refused = context.main in _SETS_ROUTES
        problem = "this route stands here twice" + ("; the kernel refuses the second" if refused else "")
        yield route.found(ROUTE_TWICE, problem, "remove one", severity=DENY if refused else WARN)
    seen.add(key)


def _next_hop(
    route: View,
    destination: addresses.IpInterface,
    context: Context,
    reachable: Sequence[addresses.IpInterface] | None,
    networks: addressing.Networks,
) -> Iterator[Finding]:
    """G23, G24."""
    text = route.text("gw")
    gateway = addresses.parse_ip(text or "")
    if not text or (gateway and gateway.is_unspecified):  # which means none, too
        return
    if gateway is None:
        yield route.found(
            ROUTE_GATEWAY, f"`gw` {text!r} is no IP address", "write an address without a prefix", "gw"
        )
    elif gateway.version != destination.version:
        problem = f"`gw` {gateway} and `dst` {destination} are not of the same IP version; the kernel refuses the route"
        yield route.found(ROUTE_GATEWAY, problem, "give each IP version its own route", "gw")
    elif route.whole("scope") == _LINK_SCOPE:
        problem = f"a route of scope {_LINK_SCOPE} (link) has no next hop; the kernel refuses it with `gw`"
        yield route.found(ROUTE_GATEWAY, problem, "remove `scope` or `gw`", "gw")
    elif (
        reachable is not None
        and context.main in _ON_SUBNET
        and not gateway.is_link_local  # every link has those; for IPv6 they are the usual next hop
        and not networks.hold(gateway)
    ):
        subnets = ", ".join(str(one.network) for one in reachable[:_NAMED])
        subnets += f" and {len(reachable) - _NAMED} more" if len(reachable) > _NAMED else ""
        problem = f"`gw` {gateway} is not in {subnets}, where the pod's addresses are: the kernel refuses such a route"
        yield route.found(ROUTE_GATEWAY, problem, "write a next hop of the pod's own subnet", "gw")


_SETS_ROUTES = {"bridge", "macvlan", "ipvlan", "vlan", "ptp", "dummy"}
"""Plugins that surely hand each route to the kernel; those that may give the device to user space (DPDK) do not."""

_ON_SUBNET = {"bridge", "macvlan", "vlan", "host-device"}
"""Plugins that leave the kernel's subnet route alone, so that nothing else decides what is reachable."""


def _reachable(
    ipam: View, subnets: Sequence[addresses.IpInterface] | None
) -> Sequence[addresses.IpInterface] | None:
    """The pod's subnets, and what routes without next hop put on the link; None where it is not known."""
    if not subnets:
        return None
    on_link = [addresses.parse_cidr(r.text("dst") or "") for r in ipam.inners("routes") if not r.text("gw")]
    return [*subnets, *(cidr for cidr in on_link if cidr)]


def _default(route: View, destination: addresses.IpInterface, context: Context) -> Iterator[Finding]:
    """G25."""
    if destination.network.prefixlen == 0:
        problem = (
            "a default route in an additional network: the newest one wins, so all traffic of the pod leaves by this "
            "interface and not by the cluster's"
        )
        mend = "route only what belongs to this network"
        yield route.found(ROUTE_DEFAULT, problem, mend, "dst")


def odd_address(view: View, key: str, address: addresses.IpInterface) -> Iterator[Finding]:
    """G32: for IPv6 the kernel refuses it, for IPv4 it takes it and no neighbour answers."""
    ip, what = address.ip, _oddity(address)
    if what:
        refused = ip.version == 6 and (ip.is_multicast or ip.is_unspecified)
        outcome = "the kernel refuses it" if refused else "neighbours will not answer to it"
        problem = f"`{key}` {ip} is {what}: {outcome}"
        yield view.found(
            ADDRESS_ODD, problem, "give the pod an address of a host", key, severity=DENY if refused else WARN
        )


def _oddity(address: addresses.IpInterface) -> str:
    ip, network = address.ip, address.network
    if ip.is_unspecified or ip.is_multicast or ip.is_loopback:
        return "no address of a host"
    if isinstance(ip, ipaddress.IPv4Address) and network.prefixlen < 31:
        if ip == network.network_address:
            return f"the address of the network {network} itself"
        if ip == network.broadcast_address:
            return f"the broadcast address of {network}"
    return ""
