"""What a pod requests from each of its networks (addresses, a MAC, port mappings), compared with what the network supports.

The daemon passes a request to plugins that declare its capability, and MAC and IP addresses in CNI_ARGS too
(`netattach_core.attach.attachment`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.net import addresses
from netattach_core.plugins import main_plugin
from netattach_core.text.finding import Finding, Path, Rule, Severity
from netattach_core.validation import footprint
from netattach_core.validation.footprint import Footprint

ADDRESS_OUTSIDE = Rule("pod-address-outside", Severity.DENY, "an address that the network cannot assign")
ADDRESS_PREFIX = Rule("pod-address-without-prefix", Severity.DENY, "an address without a prefix length")
ADDRESS_MISSING = Rule(
    "pod-address-missing", Severity.DENY, "no address for a network without addresses of its own"
)
ADDRESS_TWICE = Rule("pod-addresses-of-one-range", Severity.DENY, "two addresses from one set of ranges")
POD_MAC = Rule("pod-mac", Severity.DENY, "a MAC address that no interface can have")
IGNORED = Rule("pod-request-ignored", Severity.WARN, "a request that no plugin of the network reads")
GATEWAY = Rule("pod-gateway", Severity.DENY, "a default route with a gateway that is not in the network")

RULES = (ADDRESS_OUTSIDE, ADDRESS_PREFIX, ADDRESS_MISSING, ADDRESS_TWICE, POD_MAC, IGNORED, GATEWAY)

_OVN = "ovn-k8s-cni-overlay"
"""Its controller reads the pod's annotation itself."""

_TAKES_MAC = {"bridge", "macvlan", "tap", "tuning", "sriov", "ovs", "ib-sriov"}
_KEEPS_ADDRESSES = {"tuning", "portmap", "bandwidth", "firewall", "sbr"}
"""Chained plugins that do not change addresses and routes of the main table."""

_IPAM_IGNORES_IPS = {"", "dhcp", "whereabouts"}


def validate_requests(
    selections: Sequence[NetworkSelection], nads: Mapping[Key, Nad], key: str = NETWORKS
) -> Iterator[Finding]:
    """Findings for all requested networks in `nads`; those without a configuration that can be parsed are skipped.

    `key` is the annotation with the request.
    """
    for index, selection in enumerate(selections):
        nad = nads.get((selection.namespace, selection.name))
        network = footprint.from_nad(nad) if nad else footprint.NONE
        at = (key, index)
        yield from _mac(selection, at)
        if network is not footprint.NONE and network.type != _OVN:
            yield from _addresses(selection, network, at)
            yield from _gateways(selection, network, at)
            yield from _ignored(selection, network, at)


def _mac(selection: NetworkSelection, at: Path) -> Iterator[Finding]:
    digits = re.sub(r"[:.-]", "", selection.mac)
    if digits and (int(digits[:2], 16) & 1 or not int(digits, 16)):
        problem = f"`mac` {selection.mac} is a multicast address or all zeros: the kernel cannot assign it"
        yield Finding(POD_MAC, at, problem, "request a unicast address: 02:00:5e:10:00:01")


def _addresses(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    if network.ipam == "static":
        yield from _static(selection, network, at)
    elif network.ipam == "host-local" and network.spans and "ipRanges" not in network.capabilities:
        yield from _host_local(selection, network, at)


def _static(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    """An address must be requested where the plugin has none, and with its prefix length (static, main.go)."""
    if network.needs_ips and not selection.ips:
        problem = f"{selection.full_name} has no addresses of its own, and the pod requests none: ADD fails"
        fix = f'request one: {{"name": "{selection.name}", "ips": ["10.1.2.3/24"]}}'
        yield Finding(ADDRESS_MISSING, at, problem, fix)
    for ip in selection.ips:
        if "/" not in ip:
            problem = (
                f"`ips` {ip} has no prefix length, which the static plugin of {selection.full_name} requires"
            )
            yield Finding(
                ADDRESS_PREFIX, at, problem, f'write "{ip}/24", with the prefix length of its subnet'
            )


def _host_local(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    """host-local assigns requested addresses only from its ranges, and one from each set."""
    sets = Counter[int]()
    for text in selection.ips:
        ip = addresses.parse_ip(text.partition("/")[0])
        span = next((s for s in network.spans if ip and s.holds(ip)), None)
        if span is None:
            ranges = ", ".join(f"{s.first} to {s.last}" for s in network.spans[:3])
            problem = f"`ips` {text} is not in the ranges of {selection.full_name} ({ranges}): ADD fails"
            yield Finding(ADDRESS_OUTSIDE, at, problem, "request one of these, or none")
            continue
        sets[span.group] += 1
        if sets[span.group] == 2:
            problem = (
                f"`ips` requests two addresses from one set of ranges of {selection.full_name}, "
                "which assigns one: ADD fails"
            )
            yield Finding(ADDRESS_TWICE, at, problem, "request one, or add a second set of ranges")


def _gateways(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    """The kernel requires that a gateway is in a subnet of the interface; link-local addresses of IPv6 always are."""
    subnets = _subnets(selection, network)
    if not subnets or not _KEEPS_ADDRESSES.issuperset(network.types[1:]):
        return
    for text in selection.default_route or ():
        gateway = addresses.parse_ip(text)
        if gateway is None or gateway.is_link_local:
            continue
        if network.ipam == "static" and gateway in {each.ip for each in subnets}:
            problem = f"`default-route` {text} is the pod's own address in {selection.full_name}: ADD fails"
            yield Finding(GATEWAY, at, problem, "request the gateway of its subnet")
        elif not any(gateway in each.network for each in (*subnets, *network.routed)):
            names = ", ".join(str(each.network) for each in subnets[:3])
            problem = (
                f"`default-route` {text} is not in the pod's subnets in {selection.full_name} ({names}), and no route of the "
                "network leads there: ADD fails"
            )
            yield Finding(GATEWAY, at, problem, "request a gateway in these subnets")


def _subnets(selection: NetworkSelection, network: Footprint) -> Sequence[addresses.IpInterface]:
    """The subnets of the pod's addresses, where they are certain; requested addresses replace those of the static plugin."""
    if network.chained_ipam or selection.cni_args:
        return ()
    if network.ipam == "static":
        requested = [ip for text in selection.ips if (ip := addresses.parse_cidr(text))]
        return requested if selection.ips else [span.subnet for span in network.spans]
    if network.ipam == "host-local" and "ipRanges" not in network.capabilities:
        return [span.subnet for span in network.spans]
    return ()


def _ignored(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    """Requests without effect; only for networks whose plugins are all known, since others may read the annotation themselves."""
    if not all(main_plugin(kind) for kind in network.types):
        return
    for key, is_ignored in _requests(selection, network):
        if is_ignored:
            problem = f"`{key}` is requested, and no plugin of {selection.full_name} reads it: the pod runs without it"
            fix = f'declare "capabilities": {{"{key}": true}} in a plugin that supports it, or remove `{key}`'
            yield Finding(IGNORED, at, problem, fix)


def _requests(selection: NetworkSelection, network: Footprint) -> Iterator[tuple[str, bool]]:
    """Each kind of request, and whether the pod makes it although no plugin reads it."""
    yield "mac", bool(selection.mac) and not _TAKES_MAC & set(network.types)
    yield "ips", bool(selection.ips) and network.ipam in _IPAM_IGNORES_IPS and not network.chained_ipam
    for key, requested in (
        ("portMappings", selection.port_mappings),
        ("bandwidth", selection.bandwidth),
        ("infinibandGUID", selection.infiniband_guid),
    ):
        yield key, bool(requested) and key not in network.capabilities
