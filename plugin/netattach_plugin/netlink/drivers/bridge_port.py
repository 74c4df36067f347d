"""A veth pair whose end on the node is a port of a bridge (`plugins/main/bridge/bridge.go: setupVeth`)."""

from __future__ import annotations

import struct

from netattach_core.native.recipe import Bridge
from netattach_plugin.netlink import bridge_ports, links, wire
from netattach_plugin.netlink.drivers import veth
from netattach_plugin.netlink.drivers.driver import failing
from netattach_plugin.netlink.links import FoundLink, NewLink
from netattach_plugin.netlink.route_socket import RouteSocket

_DEFAULT_VLAN = 39  # IFLA_BR_VLAN_DEFAULT_PVID
_NATIVE_OF_TRUNK = 1
"""The VLAN of untagged frames on a trunk without `vlan`."""


def connect(node: RouteSocket, bridge: FoundLink, recipe: Bridge, there: RouteSocket, inner: NewLink) -> str:
    """Creates the pair with the port's settings of the recipe; `there` is a socket where `inner` is created.

    Returns the port's name. Raises DelegateError.
    """
    outer = NewLink("veth", "", mtu=inner.mtu, controller=bridge.index, queues_nothing=True)
    name = veth.create("bridge", node, outer, there, inner)
    if recipe.hairpin or recipe.isolated or recipe.vlan or recipe.trunk:
        with failing("bridge", f"set up port {name} of bridge {bridge.name}"):
            _configure(node, links.by_name(node, name).index, bridge, recipe)
    return name


def _configure(node: RouteSocket, index: int, bridge: FoundLink, recipe: Bridge) -> None:
    if recipe.hairpin or recipe.isolated:
        bridge_ports.set_modes(node, index, hairpin=recipe.hairpin, isolated=recipe.isolated)
    vlans = _vlans(recipe)
    default = _default_vlan(bridge)
    if vlans and default and not recipe.keeps_default_vlan:
        bridge_ports.remove_vlan(node, index, default)
    if vlans:
        bridge_ports.add_vlans(node, index, vlans)


def _vlans(recipe: Bridge) -> list[bytes]:
    """In the plugin's order: the trunk's ranges replace the flags of `vlan`."""
    own = [bridge_ports.native_vlan(recipe.vlan)] if recipe.vlan else []
    trunk = [bridge_ports.tagged_vlans(*each) for each in recipe.trunk]
    native = [bridge_ports.native_vlan(_NATIVE_OF_TRUNK)] if trunk and not recipe.vlan else []
    return [*own, *trunk, *native]


def _default_vlan(bridge: FoundLink) -> int:
    """The VLAN that the kernel gives each new port of the bridge; 0 for none."""
    value = dict(wire.attributes(bridge.data, 0)).get(_DEFAULT_VLAN)
    return int(struct.unpack("=H", value)[0]) if value else 0
