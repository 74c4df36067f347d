"""What a new network is made of where its author does not say: an interface, addresses, a version. Each with the reason."""

from __future__ import annotations

import contextlib
import functools
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

SPANNING = ("macvlan", "ipvlan", "vlan", "host-device")
"""Types whose pods of all nodes meet on one network."""

_HARDWARE = ("",)
_LEADS_SOMEWHERE = ("", "bond", "team", "vlan", "bridge")
_USUAL_VERSION = "1.0.0"
_PRIVATE = ("10.200.0.0/16", "192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8")
"""In the order in which they are tried: the first is seldom a cluster's own."""


class NoChoiceError(Exception):
    """Nothing can be chosen; the text says why, and what to say instead."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was taken, and why."""

    value: str
    why: str


def interface(kind: str, nodes: Nodes) -> Choice:
    """The node's interface for a network of this type, never one that carries the node's own traffic. Raises NoChoiceError."""
    known = [node for node in nodes if node.interfaces]
    if not known:
        raise NoChoiceError(
            "nothing is known of the nodes' interfaces: name one with --master, or give --inventory"
        )
    usable = candidates(known, _HARDWARE) if kind == "host-device" else candidates(known)
    if not usable:
        raise NoChoiceError(
            "\n  ".join([f"no interface of the nodes can be used for {kind}:", *_refused(kind, known)])
        )
    name = usable[0]
    having = sum(node.interface(name) is not None for node in known)
    defaults = sorted({default.name for node in known for default in node.default_interfaces})
    where = f"on {known[0].node}" if len(known) == 1 else f"on {having} of {len(known)} nodes"
    others = f", as {', '.join(defaults)} {'does' if len(defaults) == 1 else 'do'}" if defaults else ""
    return Choice(name, f"{where}, and carries none of the node's own traffic{others}")


def bridge(nodes: Nodes) -> Choice:
    """A name that no interface has yet."""
    taken = {each.name for node in nodes for each in node.interfaces}
    name = next(f"br{n}" for n in itertools.count(1) if f"br{n}" not in taken)
    return Choice(
        name,
        "made on each node for its first pod; no interface has this name yet"
        if taken
        else "made on each node for its first pod",
    )


def ipam(kind: str, nodes: Nodes) -> Choice:
    """Addresses that no two pods of one network get."""
    if kind == "tap":
        return Choice("none", "a tap is for a virtual machine, which has its own addresses")
    if kind not in SPANNING:
        return Choice("host-local", "the network ends at the node, so leases of the node are enough")
    with_plugins = [node for node in nodes if node.plugins]
    if with_plugins and all(node.has_plugin("whereabouts") for node in with_plugins):
        return Choice("whereabouts", "is on the nodes, and its leases hold for all of them")
    if len(nodes) == 1:
        return Choice("host-local", "there is one node, so leases of the node are enough")
    if kind == "host-device":
        return Choice("none", "the device's network has addresses of its own")
    return Choice(
        "static",
        "no IPAM is known to be there whose leases hold for all nodes, so each pod asks for its address",
    )


def subnet(name: str, nodes: Nodes) -> Choice:
    """A private /24 that shares no address with the nodes, another one for each name. Raises NoChoiceError."""
    taken = set(_networks(nodes))
    for room in map(ipaddress.IPv4Network, _PRIVATE):
        offered = list(room.subnets(new_prefix=24))
        start = zlib.crc32(name.encode()) % len(offered)
        for offer in offered[start:] + offered[:start]:
            if not any(offer.overlaps(each) for each in taken):
                why = (
                    "private, and overlaps no address of the nodes"
                    if taken
                    else "private; what the nodes use is not known"
                )
                return Choice(str(offer), why)
    raise NoChoiceError("the nodes have addresses in every private /24: name a subnet with --subnet")


def version(plugins: Sequence[str], nodes: Nodes) -> Choice:
    """The newest that all of the plugins' binaries speak, but none so new that the next node may not. Raises NoChoiceError."""
    told = [set(p.versions) for node in nodes for p in node.plugins if p.name in plugins and p.versions]
    if not told:
        return Choice(_USUAL_VERSION, "what today's plugins speak")
    common = functools.reduce(set.__and__, told)
    old_enough = [
        each for each in common if each in versions.SUPPORTED and versions.at_least(_USUAL_VERSION, each)
    ]
    newest = versions.newest_supported(old_enough) or versions.newest_supported(common)
    if newest is None:
        raise NoChoiceError(
            f"the nodes' {' and '.join(plugins)} speak no version of CNI that all of them know"
        )
    return Choice(newest, f"the nodes' {' and '.join(plugins)} speak{'s' if len(plugins) == 1 else ''} it")


def _networks(nodes: Nodes) -> Iterator[ipaddress.IPv4Network]:
    for address in {address for node in nodes for each in node.interfaces for address in each.addresses}:
        with contextlib.suppress(ValueError):  # IPv6, or nothing that the validator has a use for either
            yield ipaddress.IPv4Interface(address).network


def _refused(kind: str, nodes: Nodes) -> list[str]:
    """Each interface once, with the reason on the first node that has it."""
    kinds = _HARDWARE if kind == "host-device" else _LEADS_SOMEWHERE
    reasons: dict[str, str] = {}
    for node in nodes:
        for each in node.interfaces:
            reasons.setdefault(each.name, f"{each.name} of {node.node} {_why_not(node, each, kinds)}")
    return list(reasons.values())


def _why_not(node: NodeInventory, interface: Interface, kinds: Sequence[str]) -> str:
    """As `candidates` sees it."""
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
            f"is a {interface.kind}, and no hardware"
            if kinds == _HARDWARE
            else f"is a {interface.kind}, which leads nowhere"
        )
    if interface.parent in defaults:
        return f"stands on {interface.parent}, which carries the node's own traffic"
    if interface.kind == "bridge":
        return "is the bridge of the default network"
    return "carries the own traffic of another node"
