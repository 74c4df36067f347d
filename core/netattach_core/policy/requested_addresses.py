"""Addresses that a pod requests: not those of the cluster itself, and under `restricted` those of the listed subnets alone.

ptp sets a route to each address of a pod on the node (`ptp.go: setupHostVeth`), and a bridge that is a gateway the first address
of its subnet (`bridge.go: calcGateways`): the node then sends its own traffic for that address to the pod.
"""

from __future__ import annotations

from collections.abc import Iterator

from netattach_core.api.networks_annotation import NETWORKS, NetworkSelection
from netattach_core.net import addresses
from netattach_core.net.addresses import IpInterface
from netattach_core.policy.case import Findings, PodCase, ask, rule
from netattach_core.text.finding import Finding
from netattach_core.validation import cluster_rules, footprint
from netattach_core.validation.footprint import Footprint

RULE = rule("policy-requested-address", "an address that a pod of this namespace may not request")

RULES = (RULE,)


def check_pod(case: PodCase) -> Findings:
    """Addresses of the cluster's own networks, of secondary networks that give the node an address or a route."""
    own = list(cluster_rules.cluster_subnets(case.around.nodes, case.around.cluster_networks))
    for index, selection in enumerate(case.networks):
        nad = case.nad(selection)
        network = footprint.from_nad(nad) if nad else footprint.NONE
        for key, text in _requested(selection):
            asked = _on_node(text, network)
            hit = next((each for each in own if asked and cluster_rules.overlap(asked, each[1])), None)
            if hit:
                problem = (
                    f"`{key}` {text} is in {hit[1].network}, {hit[0]}, and {selection.full_name} gives the node an address "
                    "or a route for it: the node would send its own traffic there to the pod"
                )
                owner = ask(case.policy, "give the namespace the level privileged under policy.namespaces")
                yield Finding(RULE, (NETWORKS, index, key), problem, f"request another address, or {owner}")


def check_restricted_pod(case: PodCase) -> Findings:
    """Addresses outside of the listed subnets."""
    allowed = [net for text in case.policy.allowed.subnets if (net := addresses.parse_cidr(text))]
    for path, selection in case.selections():
        for key, text in _requested(selection):
            asked = _parsed(text)
            if asked is None or not any(_holds(each, asked) for each in allowed):
                listed = ", ".join(case.policy.allowed.subnets) or "no subnet"
                problem = f"`{key}` {text} is outside of the subnets of namespace {case.policy.namespace!r}: {listed}"
                owner = ask(case.policy, f"list its subnet under {case.policy.lists}.subnets")
                yield Finding(RULE, (*path, key), problem, f"request an address in these subnets, or {owner}")


def _requested(selection: NetworkSelection) -> Iterator[tuple[str, str]]:
    """Each address with the key that requests it; host-local and static read `args.cni.ips` too."""
    yield from (("ips", text) for text in selection.ips)
    for key, value in selection.cni_args.items():
        if key.casefold() == "ips":
            yield from (("cni-args", str(each)) for each in (value if isinstance(value, list) else [value]))


def _parsed(text: str) -> IpInterface | None:
    """An address without a prefix length stands for itself."""
    ip = addresses.parse_ip(text)
    return addresses.parse_cidr(text if ip is None else f"{ip}/{ip.max_prefixlen}")


def _holds(subnet: IpInterface, asked: IpInterface) -> bool:
    """The whole prefix, since a bridge that is a gateway gets it too."""
    return subnet.version == asked.version and asked.network.subnet_of(subnet.network)  # type: ignore[arg-type]


def _on_node(text: str, network: Footprint) -> IpInterface | None:
    """What the node gets an address in, or a route to; None where it gets neither."""
    asked = _parsed(text)
    if asked is not None and "bridge" in network.types and (network.is_gateway or network.type != "bridge"):
        return asked
    if asked is not None and "ptp" in network.types:
        return addresses.parse_cidr(f"{asked.ip}/{asked.max_prefixlen}")
    return None
