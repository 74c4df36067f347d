"""What a pod asks of each of its networks (addresses, a MAC, mapped ports …), against what that network can give.

The daemon hands on what a plugin takes by capability, and MAC and IP by CNI_ARGS besides (`netattach_core.attachment`).
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

ADDRESS_OUTSIDE = Rule("pod-address-outside", Severity.DENY, "an address that the network cannot give")
ADDRESS_PREFIX = Rule(
    "pod-address-without-prefix", Severity.DENY, "an address without the length of its subnet"
)
ADDRESS_MISSING = Rule("pod-address-missing", Severity.DENY, "no address for a network that has none to give")
ADDRESS_TWICE = Rule("pod-addresses-of-one-range", Severity.DENY, "two addresses of a range that gives one")
POD_MAC = Rule("pod-mac", Severity.DENY, "a MAC that no interface can have")
IGNORED = Rule("pod-request-ignored", Severity.WARN, "a wish that no plugin of the network reads")
GATEWAY = Rule("pod-gateway", Severity.DENY, "a default route over a gateway that the network does not reach")

RULES = (ADDRESS_OUTSIDE, ADDRESS_PREFIX, ADDRESS_MISSING, ADDRESS_TWICE, POD_MAC, IGNORED, GATEWAY)

_OVN = "ovn-k8s-cni-overlay"
"""Reads the pod's annotation itself (plugin-schemas ON10, ON11)."""

_TAKES_MAC = {"bridge", "macvlan", "tap", "tuning", "sriov", "ovs", "ib-sriov"}
_CHANGES_NO_ADDRESS = {"tuning", "portmap", "bandwidth", "firewall", "sbr"}
"""UninstallChain the first plugin of a chain: what they do leaves addresses and routes of the main table as they are."""

_NO_ADDRESSES_ASKED = {"", "dhcp", "whereabouts"}


def validate_requests(
    selections: Sequence[NetworkSelection], nads: Mapping[Key, Nad], key: str = NETWORKS
) -> Iterator[Finding]:
    """Of all networks that are known; one whose configuration cannot be read, or stands on the nodes, is passed over.

    `key` is the annotation that asks.
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
        problem = f"`mac` {selection.mac} is a group address or all zeros: the kernel cannot assign it"
        yield Finding(POD_MAC, at, problem, "ask for a unicast address: 02:00:5e:10:00:01")


def _addresses(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    if network.ipam == "static":
        yield from _static(selection, network, at)
    elif network.ipam == "host-local" and network.spans and "ipRanges" not in network.capabilities:
        yield from _host_local(selection, network, at)


def _static(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    """ST4, ST5."""
    if network.needs_ips and not selection.ips:
        problem = (
            f"{selection.full_name} has no addresses of its own, and the pod asks for none: its ADD fails"
        )
        fix = f'ask for one: {{"name": "{selection.name}", "ips": ["10.1.2.3/24"]}}'
        yield Finding(ADDRESS_MISSING, at, problem, fix)
    for ip in selection.ips:
        if "/" not in ip:
            problem = (
                f"`ips` {ip} has no prefix length, and the static plugin of {selection.full_name} needs one"
            )
            yield Finding(ADDRESS_PREFIX, at, problem, f'write "{ip}/24", with the length of its subnet')


def _host_local(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    """HL19, HL20."""
    sets = Counter[int]()
    for text in selection.ips:
        ip = addresses.parse_ip(text.partition("/")[0])
        span = next((s for s in network.spans if ip and s.holds(ip)), None)
        if span is None:
            ranges = ", ".join(f"{s.first} to {s.last}" for s in network.spans[:3])
            problem = f"`ips` {text} is not in what {selection.full_name} gives out ({ranges}): its ADD fails"
            yield Finding(ADDRESS_OUTSIDE, at, problem, "ask for one of these, or for none")
            continue
        sets[span.group] += 1
        if sets[span.group] == 2:
            problem = f"`ips` asks for two addresses of one set of ranges of {selection.full_name}, and a set gives one: it fails"
            yield Finding(ADDRESS_TWICE, at, problem, "ask for one, or have a second set of ranges")


def _gateways(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    """The kernel wants a gateway behind a subnet of the interface; one of IPv6's link-local addresses is behind each."""
    subnets = _subnets(selection, network)
    if not subnets or not _CHANGES_NO_ADDRESS.issuperset(network.types[1:]):
        return
    for text in selection.default_route or ():
        gateway = addresses.parse_ip(text)
        if gateway is None or gateway.is_link_local:
            continue
        if network.ipam == "static" and gateway in {each.ip for each in subnets}:
            problem = (
                f"`default-route` {text} is the pod's own address in {selection.full_name}: its ADD fails"
            )
            yield Finding(GATEWAY, at, problem, "ask for the gateway of its subnet")
        elif not any(gateway in each.network for each in (*subnets, *network.routed)):
            told = ", ".join(str(each.network) for each in subnets[:3])
            problem = (
                f"`default-route` {text} is in no subnet that {selection.full_name} gives the pod ({told}), and none of its "
                "routes leads there: its ADD fails"
            )
            yield Finding(GATEWAY, at, problem, "ask for a gateway of these subnets")


def _subnets(selection: NetworkSelection, network: Footprint) -> Sequence[addresses.IpInterface]:
    """Those of the pod's addresses, as far as they are known for certain; addresses that it asks for stand for static's own."""
    if network.chained_ipam or selection.cni_args:
        return ()
    if network.ipam == "static":
        asked = [ip for text in selection.ips if (ip := addresses.parse_cidr(text))]
        return asked if selection.ips else [span.subnet for span in network.spans]
    if network.ipam == "host-local" and "ipRanges" not in network.capabilities:
        return [span.subnet for span in network.spans]
    return ()


def _ignored(selection: NetworkSelection, network: Footprint, at: Path) -> Iterator[Finding]:
    """Only of networks all of whose plugins the validator knows (npwg-spec T1, plugin-schemas G18)."""
    if not all(main_plugin(kind) for kind in network.types):
        return
    for key, asked in _wishes(selection, network):
        if asked:
            problem = (
                f"`{key}` is asked for, and no plugin of {selection.full_name} reads it: the pod runs without"
            )
            fix = f'declare "capabilities": {{"{key}": true}} with a plugin that has it, or remove `{key}`'
            yield Finding(IGNORED, at, problem, fix)


def _wishes(selection: NetworkSelection, network: Footprint) -> Iterator[tuple[str, bool]]:
    """Each wish, and whether it is one that goes nowhere."""
    yield "mac", bool(selection.mac) and not _TAKES_MAC & set(network.types)
    yield "ips", bool(selection.ips) and network.ipam in _NO_ADDRESSES_ASKED and not network.chained_ipam
    for key, asked in (
        ("portMappings", selection.port_mappings),
        ("bandwidth", selection.bandwidth),
        ("infinibandGUID", selection.infiniband_guid),
    ):
        yield key, bool(asked) and key not in network.capabilities
