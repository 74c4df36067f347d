"""What a node has, as its daemon sees it: interfaces, default interfaces with reasons, plugin binaries, primary network.

The dict form is the body of the kind NodeNetworkInventory (netattach.io/v1alpha1), camelCase keys, and what
`netattach lint --inventory` reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netattach_core.errors import DecodeError


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of the node.

    `kind` is the kernel's link kind, "" for hardware; `mtu` 0 where it is not known; `controller` its bridge or bond, `parent`
    the link that it stands on.
    """

    name: str
    kind: str = ""
    mtu: int = 0
    mac: str = ""
    up: bool = True
    addresses: tuple[str, ...] = ()
    controller: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class DefaultInterface:
    """An interface that carries the node's own traffic, with each reason why ("carries the IPv4 default route")."""

    name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A CNI plugin binary and the CNI versions that it answers to VERSION; none where it did not answer."""

    name: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Primary:
    """The default network: its name, the file it was read from, and its plugins' types."""

    name: str
    file: str
    plugin_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeInventory:
    """One node."""

    node: str
    interfaces: tuple[Interface, ...] = ()
    default_interfaces: tuple[DefaultInterface, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    primary: Primary | None = None

    def interface(self, name: str) -> Interface | None:
        return next((i for i in self.interfaces if i.name == name), None)

    def default_reasons(self, name: str) -> tuple[str, ...]:
        """Why an interface is a default one; empty where it is none."""
        return next((d.reasons for d in self.default_interfaces if d.name == name), ())

    def has_plugin(self, name: str) -> bool:
        return any(p.name == name for p in self.plugins)


def to_dict(inventory: NodeInventory) -> dict[str, Any]:
    """The inventory as JSON values; `from_dict` reads it back."""
    return {
        "node": inventory.node,
        "interfaces": [_interface_dict(i) for i in inventory.interfaces],
        "defaultInterfaces": [
            {"name": d.name, "reasons": list(d.reasons)} for d in inventory.default_interfaces
        ],
        "plugins": [{"name": p.name, "versions": list(p.versions)} for p in inventory.plugins],
        "primary": inventory.primary
        and {
            "name": inventory.primary.name,
            "file": inventory.primary.file,
            "pluginTypes": list(inventory.primary.plugin_types),
        },
    }


def from_dict(body: Any) -> NodeInventory:
    """Reads what `to_dict` wrote; missing parts are empty. Raises DecodeError."""
    try:
        primary = body.get("primary")
        return NodeInventory(
            node=str(body["node"]),
            interfaces=tuple(_interface(i) for i in body.get("interfaces", ())),
            default_interfaces=tuple(
                DefaultInterface(d["name"], tuple(d.get("reasons", ())))
                for d in body.get("defaultInterfaces", ())
            ),
            plugins=tuple(Plugin(p["name"], tuple(p.get("versions", ()))) for p in body.get("plugins", ())),
            primary=primary and Primary(primary["name"], primary["file"], tuple(primary["pluginTypes"])),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise DecodeError(f"not a node inventory: {error!r}") from error


def _interface_dict(interface: Interface) -> dict[str, Any]:
    return {
        "name": interface.name,
        "kind": interface.kind,
        "mtu": interface.mtu,
        "mac": interface.mac,
        "up": interface.up,
        "addresses": list(interface.addresses),
        "controller": interface.controller,
        "parent": interface.parent,
    }


def _interface(body: Any) -> Interface:
    return Interface(
        name=body["name"],
        kind=body.get("kind", ""),
        mtu=body.get("mtu", 0),
        mac=body.get("mac", ""),
        up=body.get("up", True),
        addresses=tuple(body.get("addresses", ())),
        controller=body.get("controller", ""),
        parent=body.get("parent", ""),
    )
