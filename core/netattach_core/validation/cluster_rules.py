"""Rules about other networks: addresses, leases, bridges and interfaces shared with them, and subnets of the cluster.

All of them are warnings: the other network may be wrong instead, or about to be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, Nad
from netattach_core.net import addresses
from netattach_core.net.addresses import IpInterface
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.text.lists import and_more
from netattach_core.validation import footprint
from netattach_core.validation.footprint import Footprint
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.memoize import cache_last
from netattach_core.validation.settings import ClusterNetworks, ValidationSettings

WARN = Severity.WARN

ADDRESSES_SHARED = Rule(
    "addresses-shared", WARN, "addresses that another network on the same link assigns too"
)
LEASES_SHARED = Rule("leases-shared", WARN, "a lease directory shared with a network that has other ranges")
BRIDGE_GATEWAYS = Rule("bridge-gateways-differ", WARN, "a bridge with different gateways in two networks")
BRIDGE_DIFFERS = Rule("bridge-settings-differ", WARN, "a bridge with different settings in two networks")
MASTER_KINDS = Rule("master-kinds-differ", WARN, "macvlan and ipvlan on one interface")
MASTER_PASSTHRU = Rule(
    "master-passthru-shared", WARN, "an interface in mode passthru that another network uses too"
)
CLUSTER_SUBNET = Rule("subnet-of-cluster", WARN, "a subnet that the cluster itself uses")

RULES = (
    ADDRESSES_SHARED,
    LEASES_SHARED,
    BRIDGE_GATEWAYS,
    BRIDGE_DIFFERS,
    MASTER_KINDS,
    MASTER_PASSTHRU,
    CLUSTER_SUBNET,
)

_ISOLATED = "a network of another namespace"

_NAMED = 3
"""Other networks that a message names at most."""

Others = Sequence[tuple[Nad, Footprint]]
Conflicts = Callable[[Footprint, Others], list[Nad]]
"""The networks among the others that conflict with this one. It takes all at once, since a call for each would be slow."""


def check(
    nad: Nad,
    footprints: FootprintIndex,
    nodes: Sequence[NodeInventory],
    settings: ValidationSettings,
) -> Iterator[Finding]:
    """Compares a NAD's network with all others; an earlier version of it may be among them.

    Where namespaces are isolated, networks of another one are reported without their names.
    """
    mine = footprint.from_nad(nad)
    allowed = nad.annotations.get(ALLOW_DEFAULT_INTERFACE) == "true"
    yield from _cluster_subnets(mine, () if allowed else nodes, settings.networks)
    itself = (nad.namespace, nad.name)
    others = [other for key, other in footprints.sharing(mine).items() if key != itself]
    for rule, types, conflicts, problem, fix, path in _RULES:
        if types and mine.type not in types:
            continue
        conflicting = conflicts(mine, others)
        if conflicting:
            names = _visible_names(conflicting, nad, settings)
            text = problem.format(others=and_more(names, _NAMED), link=mine.link, network=mine.network)
            yield Finding(rule, path, text, fix)


def _visible_names(others: Sequence[Nad], nad: Nad, settings: ValidationSettings) -> Sequence[str]:
    """The names of the networks that the NAD's namespace may use, sorted, and a general term for the others."""
    reaches = settings.selection.reaches
    return sorted(
        {each.full_name if reaches(nad.namespace, each.namespace) else _ISOLATED for each in others}
    )


def _sharing_addresses(mine: Footprint, others: Others) -> list[Nad]:
    """On one link, with separate leases."""
    separate = [(nad, other) for nad, other in others if other.bounds and other.leases != mine.leases]
    return [nad for nad, other in separate if mine.shares_link(other) and mine.overlaps(other)]


def _sharing_leases(mine: Footprint, others: Others) -> list[Nad]:
    """In one directory, where both overwrite `last_reserved_ip` (host-local, disk/backend.go)."""
    if mine.ipam != "host-local":
        return []
    return [nad for nad, other in others if other.leases == mine.leases and other.spans != mine.spans]


def _with_other_gateway(mine: Footprint, others: Others) -> list[Nad]:
    """Without `forceAddress`, the plugin refuses a bridge that has another address (bridge.go: ensureAddr)."""
    if mine.forces_address or not mine.gateways:
        return []
    return [
        nad for nad, other in _on_bridge(mine, others) if other.gateways and _differ_in_gateway(mine, other)
    ]


def _differ_in_gateway(mine: Footprint, other: Footprint) -> bool:
    for version in (4, 6):
        ours = {each for each in mine.gateways if each.version == version}
        theirs = {each for each in other.gateways if each.version == version}
        if ours and theirs and not ours & theirs:
            return True
    return False


def _with_other_bridge(mine: Footprint, others: Others) -> list[Nad]:
    """MTU and gateway are set when the first pod of a node creates the bridge (bridge.go: ensureBridge)."""
    same = _on_bridge(mine, others)
    return [nad for nad, other in same if mine.mtu != other.mtu or mine.is_gateway != other.is_gateway]


def _on_bridge(mine: Footprint, others: Others) -> Others:
    return [each for each in others if each[1].type == "bridge" and each[1].link == mine.link]


def _of_other_kind(mine: Footprint, others: Others) -> list[Nad]:
    """The kernel allows either macvlan or ipvlan on an interface."""
    other_kind = [
        (nad, other) for nad, other in others if other.type != mine.type and other.type in _ON_MASTER
    ]
    return [nad for nad, other in other_kind if mine.link == other.link != ""]


def _in_passthru_mode(mine: Footprint, others: Others) -> list[Nad]:
    """The kernel allows a single macvlan on an interface in mode passthru."""
    exclusive = mine.mode == "passthru"
    alone = [(nad, other) for nad, other in others if exclusive or other.mode == "passthru"]
    return [nad for nad, other in alone if mine.type == other.type and mine.link == other.link != ""]


_ANY = frozenset[str]()
_BRIDGE, _MACVLAN, _ON_MASTER = (
    frozenset({"bridge"}),
    frozenset({"macvlan"}),
    frozenset({"macvlan", "ipvlan"}),
)

_RULES: tuple[tuple[Rule, frozenset[str], Conflicts, str, str, Path], ...] = (
    (
        ADDRESSES_SHARED,
        _ANY,
        _sharing_addresses,
        (
            "{others} on the same link {link} can assign some of the same addresses, and the leases are not shared: two pods "
            "can get the same address"
        ),
        "use separate ranges, or an IPAM that both networks share",
        ("ipam",),
    ),
    (
        LEASES_SHARED,
        _ANY,
        _sharing_leases,
        (
            "{others} and this network store leases under one name, {network!r}, for different ranges: each overwrites the last "
            "address of the other"
        ),
        "use a different `name`, or the same ranges",
        ("name",),
    ),
    (
        BRIDGE_GATEWAYS,
        _BRIDGE,
        _with_other_gateway,
        (
            "the bridge {link} has another gateway address in {others}: the second pod on a node fails with "
            '"already has an IP address different from"'
        ),
        "use a separate bridge, or the same subnet and gateway",
        ("bridge",),
    ),
    (
        BRIDGE_DIFFERS,
        _BRIDGE,
        _with_other_bridge,
        "the bridge {link} has another `mtu` or `isGateway` in {others}: the settings of the first pod on a node apply",
        "use the same settings in both, or a separate bridge",
        ("bridge",),
    ),
    (
        MASTER_KINDS,
        _ON_MASTER,
        _of_other_kind,
        (
            "{link} has macvlan and ipvlan, here and in {others}; the kernel allows only one of the two on an interface: "
            "pods of both cannot run on the same node"
        ),
        "use another interface, or the same plugin",
        ("master",),
    ),
    (
        MASTER_PASSTHRU,
        _MACVLAN,
        _in_passthru_mode,
        "{link} is also used by {others}, and in mode passthru an interface has a single macvlan: the second pod on a node fails",
        "use another interface, or mode bridge in both",
        ("master",),
    ),
)
"""Rule, plugin types (none: all), the search for conflicting networks, problem, fix, path."""


def _cluster_subnets(
    mine: Footprint, nodes: Sequence[NodeInventory], networks: ClusterNetworks
) -> Iterator[Finding]:
    subnets = [span.subnet for span in mine.spans]
    for what, taken in cluster_subnets(nodes, networks):
        hit = next((subnet for subnet in subnets if overlap(subnet, taken)), None)
        if hit is not None:
            problem = f"{hit.network} overlaps {taken.network}, {what}: pods reach those addresses through this network"
            yield Finding(CLUSTER_SUBNET, ("ipam",), problem, "use a subnet that is not part of the cluster")
            return


def cluster_subnets(
    nodes: Sequence[NodeInventory], networks: ClusterNetworks
) -> Iterator[tuple[str, IpInterface]]:
    """Each subnet of the cluster, with its description for a message."""
    named = (("pods", networks.pods), ("Services", networks.services), ("nodes", networks.nodes))
    for what, texts in named:
        for text in texts:
            subnet = addresses.parse_cidr(text)
            if subnet is not None:
                yield f"the cluster's subnet for {what}", subnet
    yield from _subnets_of_nodes(nodes)


@cache_last
def _subnets_of_nodes(nodes: Sequence[NodeInventory]) -> Sequence[tuple[str, IpInterface]]:
    taken: dict[str, tuple[str, IpInterface]] = {}
    for node in nodes:
        for default in node.default_interfaces:
            interface = node.interface(default.name)
            for text in interface.addresses if interface else ():
                subnet = addresses.parse_cidr(text)
                if subnet is not None and not subnet.ip.is_link_local:
                    what = f"the subnet of {default.name}, a default interface of {node.node}"
                    taken.setdefault(str(subnet.network), (what, subnet))
    return tuple(taken.values())


def overlap(one: IpInterface, other: IpInterface) -> bool:
    """Whether two subnets share an address."""
    return one.version == other.version and one.network.overlaps(other.network)
