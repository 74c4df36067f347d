"""Addresses of the cluster in networks where the node itself gets an address or a route.

With ptp the node routes each of the pod's addresses to the pod; a bridge that is a gateway gets an address, and with it a route
to the whole subnet; masquerading changes the traffic of the addresses, whoever uses them. An address of a Service, of another
pod or of a node would take their traffic. Where the pod alone has the address, as with macvlan, the validator only warns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.net import addresses
from netattach_core.net.addresses import IpInterface
from netattach_core.policy import cluster_addresses, plugin_parts
from netattach_core.policy.case import Findings, NetworkCase, PodCase, Surroundings, ask, rule
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.plugin_parts import Part
from netattach_core.text.finding import Finding, Path
from netattach_core.text.json_document import Node
from netattach_core.validation import plugin_chain
from netattach_core.validation.plugin_chain import Network

CLUSTER_ADDRESS = rule(
    "policy-cluster-address", "an address or a route on the node for addresses that the cluster uses"
)

RULES = (CLUSTER_ADDRESS,)

_ROUTED = {"ptp", "calico"}
"""Plugins that always add routes to the pod's addresses on the node (`ptp.go: setupHostVeth`)."""

_READ = frozenset({"ipam", "args", "runtimeconfig"})
"""Members of a configuration in which IPAM plugins find the pod's addresses."""

_NO_ADDRESS = frozenset({"routes", "dns", "exclude", "omitranges", "omit_ranges", "ipv4_pools", "ipv6_pools"})
"""Members below those in which an address is not given to the pod: routes and DNS servers may well be the cluster's, and from
its own pools calico-ipam gives no address twice."""

_DASHED = re.compile(r"\s*([^-\s]+)\s*-\s*([^/\s]+)(?:/(\d+))?\s*")
"""A range of whereabouts: 10.1.2.5-10.1.2.9/24."""


def check_network(case: NetworkCase) -> Findings:
    """The addresses that the network assigns or has as gateways."""
    everywhere = _effect_of_firewall(case.network)
    for plugin in case.plugins:
        entry, own = plugin.entry, _effect(plugin.parts)
        effect = own or everywhere
        if not effect:
            continue
        if own and entry.ipam_type == "dhcp":
            problem = f"{effect} whatever addresses a DHCP server answers, which may be a pod's: also one of the cluster's own"
            fix = f"use another IPAM plugin, or {_ask(case.policy)}"
            yield (entry.ipam or entry.raw).found(CLUSTER_ADDRESS, problem, fix, "type")
        for path, node, network in (each for part in plugin.parts for each in _addresses(part)):
            taken = cluster_addresses.overlapping(network, case.around.nodes, case.around.cluster_networks)
            if taken is not None:
                problem = f"{node.value} overlaps {taken.what}, and {effect}: traffic for it would go to the pods of this network"
                fix = f"use addresses that are not part of the cluster, or {_ask(case.policy)}"
                yield Finding(CLUSTER_ADDRESS, path, problem, fix, node.start)


def check_pod(case: PodCase) -> Findings:
    """The addresses that a pod requests from its networks."""
    for at, selection in case.selections():
        nad = case.nad(selection)
        if nad is not None:
            yield from check_request(nad, selection, case.policy, case.around, at)


def check_request(
    nad: Nad, selection: NetworkSelection, policy: NamespacePolicy, around: Surroundings, at: Path
) -> Findings:
    """The addresses that a pod requests from a network.

    `policy` is that of the pod's namespace, `at` the place of the request.
    """
    texts = [*selection.ips, *_texts(selection.cni_args)]
    parsed = plugin_chain.of_nad(nad) if texts else None
    effect = _effect_on_node(parsed.network) if parsed else ""
    for text in texts if effect else ():
        for address in _read(text):
            taken = cluster_addresses.overlapping(address, around.nodes, around.cluster_networks)
            if taken is not None:
                problem = (
                    f"the pod requests {text} from {selection.full_name}. This overlaps {taken.what}, and {effect}: traffic "
                    "for it would go to the pod"
                )
                fix = f"request an address that is not part of the cluster, or {_ask(policy)}"
                yield Finding(CLUSTER_ADDRESS, at, problem, fix)


def _ask(policy: NamespacePolicy) -> str:
    return ask(policy, "give this namespace the level privileged in policy.namespaces")


def _effect_on_node(network: Network) -> str:
    """What any plugin of the chain does on the node with the pod's addresses; "" for nothing."""
    effects = (_effect(plugin_parts.of_entry(entry)) for entry in network.entries)
    return next((effect for effect in effects if effect), "") or _effect_of_firewall(network)


def _effect_of_firewall(network: Network) -> str:
    """firewall accepts what the pod's addresses send and receive, before other rules (`iptables.go: getPrivChainRules`)."""
    if any("firewall" in {entry.type, entry.ipam_type} for entry in network.entries):
        return "with firewall the node forwards the traffic of each address, whatever its other rules say"
    return ""


def _effect(parts: Iterable[Part]) -> str:
    """What a plugin, or one that it delegates to, does on the node with the pod's addresses; "" for nothing."""
    effects = map(_effect_of_part, parts)
    return next((effect for effect in effects if effect), "")


def _effect_of_part(part: Part) -> str:
    """An unknown plugin may be a bridge by another name, if it has the keys of one."""
    if part.type in _ROUTED:
        return f"with {part.type} the node gets a route to each address"
    if part.type != "bridge" and not part.unknown:
        return ""
    if part.possibly("ipmasq"):
        return "with `ipMasq` the node masquerades the traffic of each address"
    gateway = part.possibly("isgateway") or part.possibly("isdefaultgateway")
    by_flannel = part.type == "bridge" and part.is_delegate and not part.values("isgateway")
    return "with `isGateway` the node gets an address and a route there" if gateway or by_flannel else ""


def _addresses(part: Part) -> Iterator[tuple[Path, Node, IpInterface]]:
    """All addresses, subnets and ranges that an IPAM plugin may read, in whatever spelling of the keys."""
    for member in part.node.members:
        if member.key.casefold() in _READ:
            yield from _below((*part.path, member.key), member.node)


def _below(path: Path, node: Node) -> Iterator[tuple[Path, Node, IpInterface]]:
    if isinstance(node.value, str):
        yield from ((path, node, network) for network in _read(node.value))
    for index, item in enumerate(node.items):
        yield from _below((*path, index), item)
    for member in node.members:
        if member.key.casefold() not in _NO_ADDRESS:
            yield from _below((*path, member.key), member.node)


def _read(text: str) -> Iterator[IpInterface]:
    """The network of a text; an address alone is a network of one."""
    text = text.strip()
    dashed = _DASHED.fullmatch(text) if "-" in text else None
    for part in (dashed[1], f"{dashed[2]}/{dashed[3]}" if dashed[3] else dashed[2]) if dashed else (text,):
        network = addresses.parse_cidr(part) or _single(part)
        if network is not None:
            yield network


def _single(text: str) -> IpInterface | None:
    address = addresses.parse_ip(text)
    return addresses.parse_cidr(f"{address}/{address.max_prefixlen}") if address is not None else None


def _texts(value: object) -> Iterator[str]:
    """All texts in a value of JSON."""
    if isinstance(value, str):
        yield from value.split(",")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for child in children:
        yield from _texts(child)
