"""Why a network is not ready on a node, by what the network needs and what the node has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, Nad
from netattach_core.readiness import facts
from netattach_core.readiness.facts import NodeFacts
from netattach_core.readiness.reason import DEFAULT_NETWORK_NOT_READY, DHCP_DAEMON_MISSING, Code, Reason
from netattach_core.validation import node_needs
from netattach_core.validation.node_needs import BRIDGE, InterfaceNeed, Needs

_SHOWN = 64
"""Characters of a name in a message: an author chooses it."""


class Demand(NamedTuple):
    """What a network needs of a node; `default_refused`: it must not use an interface that carries the node's own traffic."""

    needs: Needs
    default_refused: bool = True


def of_node(nad: Nad, node: NodeInventory) -> tuple[Reason, ...]:
    """Why a network is not ready on a node whose daemon is ready; empty where it is."""
    refused = nad.annotations.get(ALLOW_DEFAULT_INTERFACE) != "true"
    return evaluate(Demand(node_needs.of_nad(nad), refused), facts.of_inventory(node))


def evaluate(demand: Demand, node: NodeFacts) -> tuple[Reason, ...]:
    """All reasons, each once."""
    return tuple(dict.fromkeys(_reasons(demand, node)))


def _reasons(demand: Demand, node: NodeFacts) -> Iterator[Reason]:
    needs = demand.needs
    for need in needs.interfaces:
        yield from _interface(need, node, refused=demand.default_refused)
    yield from _missing(needs, node)
    if needs.config_name and node.networks is not None and needs.config_name not in node.networks:
        yield Reason(Code.CONFIG_MISSING, f"no CNI config has the name {_shown(needs.config_name)}")
    if not node.default_network_ready:
        yield DEFAULT_NETWORK_NOT_READY


def _missing(needs: Needs, node: NodeFacts) -> Iterator[Reason]:
    for name in needs.bridges:
        link = node.by_name.get(name)
        if link is not None and link.kind not in ("", BRIDGE):
            yield Reason(Code.INTERFACE_OF_ANOTHER_KIND, f"{_shown(name)} exists and is not a bridge")
    for plugin in needs.plugins:
        if node.plugins is not None and plugin not in node.plugins:
            yield Reason(Code.PLUGIN_MISSING, f"the plugin {_shown(plugin)} is not installed")
    for kind in needs.link_kinds:
        if node.link_kinds is not None and kind in inventory.TRIED_LINK_KINDS and kind not in node.link_kinds:
            yield Reason(Code.LINK_KIND_UNAVAILABLE, f"the kernel has no {kind} links")
    if needs.dhcp and node.dhcp_running is False:
        yield DHCP_DAEMON_MISSING


def _interface(need: InterfaceNeed, node: NodeFacts, *, refused: bool) -> Iterator[Reason]:
    if not need.name:
        if refused and node.default_interfaces:
            yield Reason(
                Code.DEFAULT_INTERFACE, f"without `{need.key}`, the node's default interface is used"
            )
        return
    if refused and need.name in node.default_interfaces:
        yield Reason(Code.DEFAULT_INTERFACE, f"{_shown(need.name)} carries the node's own traffic")
    link = node.by_name.get(need.name)
    if link is None:
        if node.links:
            yield Reason(Code.INTERFACE_MISSING, f"{_shown(need.name)} does not exist")
    elif 0 < link.mtu < need.mtu:
        yield Reason(Code.MTU_TOO_LARGE, f"`mtu` {need.mtu} is above that of {_shown(need.name)}")


def _shown(name: str) -> str:
    text = name if name.isprintable() else ascii(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
