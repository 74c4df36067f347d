"""What a network needs of a node, read from its chain: interfaces, bridges, plugin binaries, kinds of links, a DHCP daemon.

The rules about nodes (`node_rules`) and readiness (`netattach_core.readiness`) share this reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from netattach_core.api.nad import Nad
from netattach_core.cni import plugin_aliases
from netattach_core.plugins.view import ConfigView
from netattach_core.validation import nested_delegate, plugin_chain
from netattach_core.validation.plugin_chain import Entry

T = TypeVar("T")

BRIDGE = "bridge"

HOST_DEVICE = "host-device"
"""It takes an interface away from its node, which cannot undo that without a network: one node's claim is enough."""

_DEFAULT_BRIDGE = "cni0"
_REFUSES_LARGE_MTU = {"macvlan", "vlan"}

_LINK_KINDS = {
    "bond": ("bond",),
    "bridge": ("bridge", "veth"),
    "dummy": ("dummy",),
    "ipvlan": ("ipvlan",),
    "macvlan": ("macvlan",),
    "ptp": ("veth",),
    "vlan": ("vlan",),
    "vrf": ("vrf",),
}
"""The kinds of links that a plugin creates."""


@dataclass(frozen=True, slots=True)
class InterfaceNeed:
    """An interface of the node: the key that names it, its name, and the MTU that it has to have at least, 0 for any.

    `moved`: it is moved into the pod, so that the node does not have it meanwhile. Without a name, it is the interface of the
    node's default route.
    """

    key: str
    name: str
    mtu: int = 0
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """Everything that a network needs of a node. `config_name` is the network that a file of the node has to have, "" if none."""

    interfaces: tuple[InterfaceNeed, ...] = ()
    bridges: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    link_kinds: tuple[str, ...] = ()
    dhcp: bool = False
    config_name: str = ""


@dataclass(frozen=True, slots=True)
class Binary:
    """A plugin's binary: its name, where it is configured, and whether it is an IPAM plugin."""

    name: str
    view: ConfigView
    ipam: bool = False


def of_nad(nad: Nad) -> Needs:
    """What a NAD needs; nothing where its configuration cannot be parsed, which the validator refuses."""
    if not nad.config.strip():
        return Needs(config_name=nad.name)
    parsed = plugin_chain.of_nad(nad)
    if parsed is None:
        return Needs()
    entries = parsed.network.entries
    return Needs(
        interfaces=_unique(need for entry in entries for need in interfaces(entry)),
        bridges=_unique(bridge_name(entry) for entry in entries if entry.type == BRIDGE),
        plugins=_unique(each.name for entry in entries for each in binaries(entry)),
        link_kinds=_unique(kind for entry in entries for kind in _LINK_KINDS.get(entry.type, ())),
        dhcp=any(dhcp_section(entry) is not None for entry in entries),
    )


def uses_node_interface(entry: Entry) -> bool:
    """Whether the plugin uses an interface of the node: not with `linkInContainer`, and not in a chained ipvlan."""
    if entry.plugin is None or not entry.plugin.interface_key:
        return False
    if "linkInContainer" in entry.plugin.schema["properties"] and entry.config.flag("linkInContainer"):
        return False
    return not (entry.type == "ipvlan" and entry.context.chained)


def omits_interface(entry: Entry) -> bool:
    """Whether the plugin uses the interface of the default route, since none is configured."""
    if entry.plugin is None or not entry.plugin.uses_default_route_interface:
        return False
    key = entry.plugin.interface_key
    return entry.config.text(key) == "" or not entry.config.has(key)


def mtu(entry: Entry) -> int:
    """The MTU that the interface below has to have at least, 0 where the plugin accepts any: the kernel refuses a higher one."""
    return (entry.config.integer("mtu") or 0) if entry.type in _REFUSES_LARGE_MTU else 0


def bridge_name(entry: Entry) -> str:
    """Of the plugin `bridge`."""
    return entry.config.text("bridge") or _DEFAULT_BRIDGE


def interfaces(entry: Entry) -> Iterator[InterfaceNeed]:
    """The interface that a plugin uses, none or one."""
    if not uses_node_interface(entry) or entry.plugin is None:
        return
    key = entry.plugin.interface_key
    name = entry.config.text(key) or ""
    if name or omits_interface(entry):
        yield InterfaceNeed(key, name, max(mtu(entry), 0), moved=entry.type == HOST_DEVICE)


def binaries(entry: Entry) -> Iterator[Binary]:
    """The binaries of a plugin, of the one that it delegates to, and of its IPAM plugin."""
    found = [Binary(entry.binary, entry.config)]
    delegate = nested_delegate.delegate_of(entry)
    if delegate is not None:
        found.append(Binary(delegate.text("type") or "", delegate))
    if entry.ipam is not None:
        found.append(Binary(entry.ipam_type, entry.ipam, ipam=True))
    yield from (each for each in found if each.name and "/" not in each.name)


def dhcp_section(entry: Entry) -> ConfigView | None:
    """The `ipam` section that needs the DHCP daemon of the node, None without one: a network may have a socket of its own."""
    if entry.ipam is None or entry.ipam_type != plugin_aliases.DHCP_TYPE:
        return None
    own = entry.ipam.text("daemonSocketPath") not in (None, "", plugin_aliases.DHCP_SOCKET)
    return None if own else entry.ipam


def _unique(found: Iterator[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(found))
