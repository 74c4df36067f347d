"""The interfaces that carry a node's own traffic, by all that selects one: name, MAC address, PCI address, sysfs path.

The inventory lists the default interfaces. What is below them (the ports of a bridge or bond, the interface below a VLAN) and
above them (the bridge that one is a port of) carries the same frames.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.api.inventory import Interface, NodeInventory
from netattach_core.net import addresses
from netattach_core.text.lists import and_more
from netattach_core.validation.memoize import cache_last

_PCI = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Carrier:
    """An interface with the node's own traffic, and why. `is_parent`: only a VLAN of it carries that traffic."""

    node: str
    name: str
    why: str
    is_parent: bool = False


_Links = Mapping[str, Interface]
_Step = Callable[[Carrier, _Links], Iterator[Carrier]]


class DefaultLinks:
    """The carriers of all nodes; `by_name` has alternative names too, `paths` the sysfs paths of all interfaces."""

    def __init__(self, nodes: Sequence[NodeInventory]) -> None:
        self.by_name: dict[str, list[Carrier]] = {}
        self.by_mac: dict[str, list[Carrier]] = {}
        self.by_pci: dict[str, list[Carrier]] = {}
        self.by_path: dict[str, list[Carrier]] = {}
        self.paths = {each.device_path for node in nodes for each in node.interfaces if each.device_path}
        for node in nodes:
            for carrier, interface in _carriers(node):
                self._add(carrier, interface)

    def _add(self, carrier: Carrier, interface: Interface | None) -> None:
        keys = [(self.by_name, carrier.name)]
        if interface is not None:
            path = interface.device_path
            keys += [(self.by_name, name) for name in interface.alt_names]
            keys += [(self.by_mac, addresses.mac_digits(interface.mac)), (self.by_path, path)]
            keys += [(self.by_pci, pci_address(path))]
        for found, key in keys:
            if key:
                found.setdefault(key, []).append(carrier)


of_nodes = cache_last(DefaultLinks)


def described(carriers: Sequence[Carrier]) -> str:
    """The carriers in a message: "eth0, a default interface of worker-1 and 2 more nodes: it carries …"."""
    first = carriers[0]
    nodes = and_more(dict.fromkeys(each.node for each in carriers), _NAMED)
    return f"{first.name}, which carries the own traffic of {nodes}: it {first.why}"


def pci_address(device_path: str) -> str:
    """The PCI address in a path of sysfs; "" for a device that is not on a PCI bus."""
    return next((part for part in reversed(device_path.lower().split("/")) if _PCI.fullmatch(part)), "")


def is_pci_address(text: str) -> bool:
    """Whether it is a PCI address, and not a path to something else."""
    return _PCI.fullmatch(text.lower()) is not None


def _carriers(node: NodeInventory) -> Iterator[tuple[Carrier, Interface | None]]:
    if not node.default_interfaces:
        return
    links = {each.name: each for each in node.interfaces}
    found = {
        each.name: Carrier(node.node, each.name, " and ".join(each.reasons) or "is a default interface")
        for each in node.default_interfaces
    }
    below = _closure(found, links, _below)
    above = _closure(below, links, _above)
    for name, carrier in {**above, **below}.items():
        yield carrier, links.get(name)


def _closure(start: Mapping[str, Carrier], links: _Links, step: _Step) -> dict[str, Carrier]:
    """The carriers that are reached from those of the start by any number of steps."""
    found, waiting = dict(start), list(start.values())
    while waiting:
        carrier = waiting.pop()
        for further in step(carrier, links):
            if further.name not in found or (found[further.name].is_parent and not further.is_parent):
                found[further.name] = further
                waiting.append(further)
    return found


def _below(carrier: Carrier, links: _Links) -> Iterator[Carrier]:
    """The ports of a bridge or bond, and the interface that a VLAN is on."""
    for port in (each.name for each in links.values() if each.controller == carrier.name):
        yield Carrier(carrier.node, port, f"is a port of {carrier.name}, which {carrier.why}")
    own = links.get(carrier.name)
    if own is not None and own.parent and own.parent != own.name:
        why = f"is below {own.name}, which {carrier.why}"
        yield Carrier(carrier.node, own.parent, why, is_parent=own.kind == "vlan")


def _above(carrier: Carrier, links: _Links) -> Iterator[Carrier]:
    """The bridge or bond that it is a port of."""
    own = links.get(carrier.name)
    if own is not None and own.controller and own.controller != own.name:
        yield Carrier(carrier.node, own.controller, f"has the port {own.name}, which {carrier.why}")
