"""Defaults for options that were not given: interface, bridge, IPAM, subnet and CNI version, each with the reason for it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import ipaddress
import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netattach_core.api.inventory import Interface, NodeInventory
from netattach_core.cni import versions
from netattach_core.validation.node_rules import candidates

Nodes = Sequence[NodeInventory]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SPANNING = ("macvlan", "ipvlan", "vlan", "host-device", "sriov", "ib-sriov", "ovs", "bond")
"""Types that connect the pods of all nodes to one network."""

_HARDWARE_KINDS = ("",)
_PARENT_KINDS = ("", "bond", "team", "vlan", "bridge")
_COMMON_VERSION = "1.0.0"
_OVS_RESERVED = ("br-ex", "br-int", "ovs-system")
"""Of OVN-Kubernetes, and the datapath of the kernel."""

_PRIVATE_RANGES = ("10.200.0.0/16", "192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8")
"""In the order in which they are tried; clusters seldom use the first one themselves."""


class GenerationError(Exception):
    """No NAD that works can be generated; the message says why, and which option helps."""


class OptionsError(GenerationError):
    """The options contradict each other, or have a value that is not valid, whatever the nodes have."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value, and why it was chosen."""

    value: str
    reason: str


def interface(kind: str, nodes: Nodes) -> Choice:
    """A node interface for a network of this type, never one that carries the node's own traffic. Raises GenerationError."""
    known = [node for node in nodes if node.interfaces]
    if not known:
        raise GenerationError(
            "the interfaces of the nodes are not known: name one with --master, or give --inventory"
        )
    usable = candidates(known, _HARDWARE_KINDS) if kind == "host-device" else candidates(known)
    if not usable:
        raise GenerationError(
            "\n  ".join([f"no interface of the nodes can be used for {kind}:", *_refusals(kind, known)])
        )
    name = usable[0]
    count = sum(node.interface(name) is not None for node in known)
    defaults = sorted({default.name for node in known for default in node.default_interfaces})
    where = f"on {known[0].node}" if len(known) == 1 else f"on {count} of {len(known)} nodes"
    contrast = f", unlike {', '.join(defaults)}" if defaults else ""
    return Choice(name, f"{where}, and carries no traffic of the node itself{contrast}")


def bridge(nodes: Nodes) -> Choice:
    """A bridge name that no interface of the nodes has."""
    taken = {each.name for node in nodes for each in node.interfaces}
    name = next(f"br{n}" for n in itertools.count(1) if f"br{n}" not in taken)
    return Choice(
        name,
        "created on each node for its first pod; no interface has this name yet"
        if taken
        else "created on each node for its first pod",
    )


def ovs_bridge(nodes: Nodes) -> Choice:
    """A bridge of Open vSwitch on the nodes; the ovs plugin creates none. Raises GenerationError."""
    names = sorted({each.name for node in nodes for each in node.interfaces if each.kind == "openvswitch"})
    usable = [name for name in names if name not in _OVS_RESERVED]
    if not usable:
        raise GenerationError("no bridge of Open vSwitch is known on the nodes: name one with --master")
    return Choice(usable[0], "a bridge of Open vSwitch on the nodes")


def ipam(kind: str, nodes: Nodes) -> Choice:
    """An IPAM plugin that never gives two pods of a network the same address."""
    if kind == "tap":
        return Choice("none", "a tap is for a virtual machine, which has its own addresses")
    if kind not in _SPANNING:
        return Choice("host-local", "the network ends at the node, so leases on the node are enough")
    with_plugins = [node for node in nodes if node.plugins]
    if with_plugins and all(node.has_plugin("whereabouts") for node in with_plugins):
        return Choice("whereabouts", "is installed on the nodes, and its leases are valid on all of them")
    if len(nodes) == 1:
        return Choice("host-local", "there is one node, so leases on the node are enough")
    if kind == "host-device":
        return Choice("none", "the network of the device has its own addresses")
    return Choice(
        "static",
        "no IPAM plugin with leases for all nodes is known, so each pod asks for its address",
    )


def subnet(name: str, nodes: Nodes) -> Choice:
    """A private /24 that overlaps no network of the nodes, a different one for each name. Raises GenerationError."""
    taken = set(_node_networks(nodes))
    for private in map(ipaddress.IPv4Network, _PRIVATE_RANGES):
        choices = list(private.subnets(new_prefix=24))
        start = zlib.crc32(name.encode()) % len(choices)
        for candidate in choices[start:] + choices[:start]:
            if not any(candidate.overlaps(each) for each in taken):
                reason = (
                    "private, and overlaps no network of the nodes"
                    if taken
                    else "private; the networks of the nodes are not known"
                )
                return Choice(str(candidate), reason)
    raise GenerationError("the nodes have addresses in every private /24: name a subnet with --subnet")


def subnet6(name: str, nodes: Nodes) -> Choice:
    """A unique local /64 (RFC 4193) that overlaps no network of the nodes, a different one for each name."""
    taken = set(_node_networks6(nodes))
    bits = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])
    for number in itertools.count(bits):
        candidate = ipaddress.IPv6Network(((0xFD << 120) | ((number % 2**56) << 64), 64))
        if not any(candidate.overlaps(each) for each in taken):
            break
    return Choice(str(candidate), "unique local, by the name of the network")


def version(plugins: Sequence[str], nodes: Nodes) -> Choice:
    """The newest CNI version that the plugins support on all nodes. Raises GenerationError.

    1.1.0 only where they have no older one in common: a node that joins later may not support it.
    """
    supported = [set(p.versions) for node in nodes for p in node.plugins if p.name in plugins and p.versions]
    if not supported:
        return Choice(_COMMON_VERSION, "supported by all current plugins")
    common = functools.reduce(set.__and__, supported)
    old_enough = [
        each for each in common if each in versions.SUPPORTED and versions.at_least(_COMMON_VERSION, each)
    ]
    newest = versions.newest_supported(old_enough) or versions.newest_supported(common)
    if newest is None:
        raise GenerationError(f"{' and '.join(plugins)} on the nodes have no CNI version in common")
    return Choice(newest, f"supported by {' and '.join(plugins)} on the nodes")


def _node_networks(nodes: Nodes) -> Iterator[ipaddress.IPv4Network]:
    for address in {address for node in nodes for each in node.interfaces for address in each.addresses}:
        with contextlib.suppress(ValueError):  # IPv6, or not an address
            yield ipaddress.IPv4Interface(address).network


def _node_networks6(nodes: Nodes) -> Iterator[ipaddress.IPv6Network]:
    for address in {address for node in nodes for each in node.interfaces for address in each.addresses}:
        with contextlib.suppress(ValueError):  # IPv4, or not an address
            yield ipaddress.IPv6Interface(address).network


def _refusals(kind: str, nodes: Nodes) -> list[str]:
    """Why each interface cannot be used; once by name, for the first node that has it."""
    kinds = _HARDWARE_KINDS if kind == "host-device" else _PARENT_KINDS
    reasons: dict[str, str] = {}
    for node in nodes:
        for each in node.interfaces:
            reasons.setdefault(each.name, f"{each.name} of {node.node} {_refusal(node, each, kinds)}")
    return list(reasons.values())


def _refusal(node: NodeInventory, interface: Interface, kinds: Sequence[str]) -> str:
    """The reason for which `candidates` leaves the interface out."""
    defaults = {default.name for default in node.default_interfaces}
    if interface.name in defaults:
        reasons = node.default_reasons(interface.name) or ("is a default interface",)
        return f"carries the node's own traffic: it {' and '.join(reasons)}"
    if interface.name == "lo":
        return "is the loopback interface"
    if not interface.up:
        return "is down"
    if interface.controller:
        return f"is a port of {interface.controller}"
    if interface.kind == "veth" and not interface.addresses:
        return "leads to a pod"
    if interface.kind not in {*kinds, "veth"}:
        return (
            f"is a {interface.kind}, not a hardware interface"
            if kinds == _HARDWARE_KINDS
            else f"is a {interface.kind}, which cannot be the parent of a pod interface"
        )
    if interface.parent in defaults:
        return f"is on top of {interface.parent}, which carries the node's own traffic"
    if interface.kind == "bridge":
        return "is the bridge of the default network"
    return "carries the own traffic of another node"
