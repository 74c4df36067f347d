"""What readiness reads of a node's inventory. Nodes alike have equal facts, so that what is decided for one holds for all."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from netattach_core.api.inventory import Interface, NodeInventory


@dataclass(frozen=True, slots=True)
class Link:
    """A name of an interface, its own or an alternative one, with its kind and MTU, 0 if unknown."""

    name: str
    kind: str
    mtu: int


@dataclass(frozen=True)
class NodeFacts:
    """None, or no links at all, where the daemon has not reported something: nothing is missing then.

    `link_kinds` are those that the kernel can make, of the kinds that were tried. `networks` are the names of files and networks
    in the CNI config directory.
    """

    links: tuple[Link, ...] = ()
    default_interfaces: frozenset[str] = frozenset()
    plugins: frozenset[str] | None = None
    link_kinds: frozenset[str] | None = None
    dhcp_running: bool | None = None
    networks: frozenset[str] | None = None
    default_network_ready: bool = True

    @functools.cached_property
    def by_name(self) -> dict[str, Link]:
        return {link.name: link for link in self.links}

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.links, self.default_interfaces, self.plugins, self.link_kinds, self.networks))

    def __hash__(self) -> int:
        """Once: an inventory has a hundred names."""
        return self._hash


def of_inventory(node: NodeInventory) -> NodeFacts:
    """The facts of a node."""
    names = {default.name for default in node.default_interfaces}
    of_default = (
        each.alt_names for each in node.interfaces if names.intersection((each.name, *each.alt_names))
    )
    return NodeFacts(
        links=tuple(sorted(_links(node.interfaces), key=lambda link: link.name)),
        default_interfaces=frozenset(names.union(*of_default)),
        plugins=_plugins(node),
        link_kinds=None if node.link_kinds is None else frozenset(node.link_kinds),
        dhcp_running=node.dhcp.running if node.dhcp else None,
        networks=None if node.networks is None else frozenset(_network_names(node)),
        default_network_ready=node.cni_status is None or node.cni_status.ready,
    )


def _links(interfaces: Iterable[Interface]) -> Iterable[Link]:
    for each in interfaces:
        for name in (each.name, *each.alt_names):
            yield Link(name, each.kind, each.mtu)


def _plugins(node: NodeInventory) -> frozenset[str] | None:
    """None where a plugin may be in a directory that the daemon does not see."""
    if not node.plugins or node.unseen_plugin_directories:
        return None
    return frozenset(plugin.name for plugin in node.plugins)


def _network_names(node: NodeInventory) -> Iterable[str]:
    for network in node.networks or ():
        yield network.file
        yield network.name
