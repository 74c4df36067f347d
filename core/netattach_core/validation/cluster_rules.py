"""Rule group 5, the cluster: what a network shares with other networks, and with what the cluster uses itself.

Warnings all of them: what is wrong is wrong of two, and the other one may be about to go.
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
from netattach_core.validation.plugin_chain import Network
from netattach_core.validation.settings import ClusterNetworks, ValidationSettings

WARN = Severity.WARN

ADDRESSES_SHARED = Rule(
    "addresses-shared", WARN, "addresses that another network on the same link gives out too"
)
LEASES_SHARED = Rule(
    "leases-shared", WARN, "a lease directory that another network with other ranges uses too"
)
BRIDGE_GATEWAYS = Rule("bridge-gateways-differ", WARN, "a bridge that another network gives another gateway")
BRIDGE_DIFFERS = Rule("bridge-settings-differ", WARN, "a bridge that another network makes in another way")
MASTER_KINDS = Rule("master-kinds-differ", WARN, "macvlan and ipvlan on one interface")
MASTER_PASSTHRU = Rule(
    "master-passthru-shared", WARN, "an interface that one network has for itself, and another one uses"
)
CLUSTER_SUBNET = Rule("subnet-of-cluster", WARN, "addresses that belong to the cluster itself")

RULES = (
    ADDRESSES_SHARED,
    LEASES_SHARED,
    BRIDGE_GATEWAYS,
    BRIDGE_DIFFERS,
    MASTER_KINDS,
    MASTER_PASSTHRU,
    CLUSTER_SUBNET,
)

_FOREIGN = "a network of another namespace"

_NAMED = 3
"""Other networks that a message names; the rest is counted."""

Beside = Sequence[tuple[Nad, Footprint]]
Meeting = Callable[[Footprint, Beside], list[Nad]]
"""Those of some networks that this one cannot get on with. All of a link are looked through with each NAD, so none calls a
function for each of them."""


def check(
    network: Network,
    nad: Nad,
    footprints: FootprintIndex,
    nodes: Sequence[NodeInventory],
    settings: ValidationSettings,
) -> Iterator[Finding]:
    """Of a NAD's network beside all others; it may be among them itself, as it was before.

    Where namespaces are isolated, what another one has is told of without its name.
    """
    mine = footprint.from_network(network, nad)
    allowed = nad.annotations.get(ALLOW_DEFAULT_INTERFACE) == "true"
    yield from _cluster(mine, () if allowed else nodes, settings.networks)
    itself = (nad.namespace, nad.name)
    beside = [other for key, other in footprints.sharing(mine).items() if key != itself]
    for rule, types, meeting, problem, fix, path in _PAIRS:
        if types and mine.type not in types:
            continue
        met = meeting(mine, beside)
        if met:
            names = _told(met, nad, settings)
            words = problem.format(others=and_more(names, _NAMED), link=mine.link, network=mine.network)
            yield Finding(rule, path, words, fix)


def _told(others: Sequence[Nad], nad: Nad, settings: ValidationSettings) -> Sequence[str]:
    """The names that they may be told by, in order and each once."""
    reaches = settings.selection.reaches
    return sorted({each.full_name if reaches(nad.namespace, each.namespace) else _FOREIGN for each in others})


def _sharing_addresses(mine: Footprint, beside: Beside) -> list[Nad]:
    """On one link, with leases that do not know of each other."""
    others = [(nad, other) for nad, other in beside if other.bounds and other.leases != mine.leases]
    return [nad for nad, other in others if mine.is_beside(other) and mine.meets(other)]


def _sharing_leases(mine: Footprint, beside: Beside) -> list[Nad]:
    """G6: one directory holds the leases of both, and `last_reserved_ip` goes to and fro between them."""
    if mine.ipam != "host-local":
        return []
    return [nad for nad, other in beside if other.leases == mine.leases and other.spans != mine.spans]


def _with_other_gateway(mine: Footprint, beside: Beside) -> list[Nad]:
    """BR13."""
    if mine.forces_address or not mine.gateways:
        return []
    return [nad for nad, other in _of_bridge(mine, beside) if other.gateways and _other_gateway(mine, other)]


def _other_gateway(mine: Footprint, other: Footprint) -> bool:
    for version in (4, 6):
        ours = {each for each in mine.gateways if each.version == version}
        theirs = {each for each in other.gateways if each.version == version}
        if ours and theirs and not ours & theirs:
            return True
    return False


def _with_other_bridge(mine: Footprint, beside: Beside) -> list[Nad]:
    """BR14, BR15."""
    same = _of_bridge(mine, beside)
    return [nad for nad, other in same if mine.mtu != other.mtu or mine.is_gateway != other.is_gateway]


def _of_bridge(mine: Footprint, beside: Beside) -> Beside:
    return [each for each in beside if each[1].type == "bridge" and each[1].link == mine.link]


def _of_other_kind(mine: Footprint, beside: Beside) -> list[Nad]:
    """MV8."""
    others = [(nad, other) for nad, other in beside if other.type != mine.type and other.type in _ON_MASTER]
    return [nad for nad, other in others if mine.link == other.link != ""]


def _having_it_alone(mine: Footprint, beside: Beside) -> list[Nad]:
    """MV7."""
    all_of_them = mine.mode == "passthru"
    alone = [(nad, other) for nad, other in beside if all_of_them or other.mode == "passthru"]
    return [nad for nad, other in alone if mine.type == other.type and mine.link == other.link != ""]


_ANY = frozenset[str]()
_BRIDGE, _MACVLAN, _ON_MASTER = (
    frozenset({"bridge"}),
    frozenset({"macvlan"}),
    frozenset({"macvlan", "ipvlan"}),
)

_PAIRS: tuple[tuple[Rule, frozenset[str], Meeting, str, str, Path], ...] = (
    (
        ADDRESSES_SHARED,
        _ANY,
        _sharing_addresses,
        (
            "{others} on the same link {link} gives out addresses of these too, and the leases do not know of each other: two "
            "pods can get the same address"
        ),
        "give each network a range of its own, or one IPAM that both share",
        ("ipam",),
    ),
    (
        LEASES_SHARED,
        _ANY,
        _sharing_leases,
        "{others} keeps its leases under the same name {network!r}, with other ranges: each forgets where the other one stands",
        "give each network a `name` of its own, or the same ranges",
        ("name",),
    ),
    (
        BRIDGE_GATEWAYS,
        _BRIDGE,
        _with_other_gateway,
        (
            "{others} gives the bridge {link} another gateway address: the second pod of a node fails with "
            '"already has an IP address different from"'
        ),
        "use a bridge for each network, or the same subnet and gateway",
        ("bridge",),
    ),
    (
        BRIDGE_DIFFERS,
        _BRIDGE,
        _with_other_bridge,
        "{others} makes the bridge {link} with another `mtu`, or differs in being its gateway: whichever pod comes first decides",
        "write the same in both, or use a bridge for each",
        ("bridge",),
    ),
    (
        MASTER_KINDS,
        _ON_MASTER,
        _of_other_kind,
        (
            "{others} uses {link} too, one by macvlan and one by ipvlan, and the kernel lets an interface carry one of the two: "
            "pods of both cannot be on one node"
        ),
        "use another interface, or the same kind",
        ("master",),
    ),
    (
        MASTER_PASSTHRU,
        _MACVLAN,
        _having_it_alone,
        "{others} uses {link} too, and in mode passthru an interface carries a single macvlan: the second pod of a node fails",
        "use another interface, or mode bridge in both",
        ("master",),
    ),
)
"""Rule, the types it is about (none: all), what has to hold of two networks, what is wrong with that, the fix, the place."""


def _cluster(mine: Footprint, nodes: Sequence[NodeInventory], networks: ClusterNetworks) -> Iterator[Finding]:
    subnets = [span.subnet for span in mine.spans]
    for what, taken in _taken(nodes, networks):
        hit = next((subnet for subnet in subnets if _overlap(subnet, taken)), None)
        if hit is not None:
            problem = f"{hit.network} overlaps {taken.network}, which {what}: the pod then reaches those through this network"
            yield Finding(CLUSTER_SUBNET, ("ipam",), problem, "choose a subnet that the cluster does not use")
            return


def _taken(nodes: Sequence[NodeInventory], networks: ClusterNetworks) -> Iterator[tuple[str, IpInterface]]:
    """Subnets with the words that follow them."""
    named = (("pods", networks.pods), ("Services", networks.services), ("nodes", networks.nodes))
    for what, texts in named:
        for text in texts:
            subnet = addresses.parse_cidr(text)
            if subnet is not None:
                yield f"is the cluster's for {what}", subnet
    yield from _taken_by_nodes(nodes)


@cache_last
def _taken_by_nodes(nodes: Sequence[NodeInventory]) -> Sequence[tuple[str, IpInterface]]:
    taken: dict[str, tuple[str, IpInterface]] = {}
    for node in nodes:
        for default in node.default_interfaces:
            carrier = node.interface(default.name)
            for text in carrier.addresses if carrier else ():
                subnet = addresses.parse_cidr(text)
                if subnet is not None and not subnet.ip.is_link_local:
                    words = f"{default.name} of {node.node} is in, a default interface"
                    taken.setdefault(str(subnet.network), (words, subnet))
    return tuple(taken.values())


def _overlap(one: IpInterface, other: IpInterface) -> bool:
    return one.version == other.version and one.network.overlaps(other.network)
