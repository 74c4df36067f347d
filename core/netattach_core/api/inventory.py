"""The inventory of a node: interfaces, default interfaces with reasons, plugin binaries, default network, DHCP daemon.

The daemon of each node publishes it. The dict form, with camelCase keys, is the status of a NodeNetworkInventory
(netattach.io/v1alpha1), and the input of `netattach lint --inventory`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import sys
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netattach_core.api import node_state
from netattach_core.api.node_state import Attached, CniStatus, Probe, SriovFunction, UnmetPods
from netattach_core.errors import DecodeError

T = TypeVar("T")

_POD_LINK = re.compile(r"(veth|cali|lxc|eni|gke|azv|ovn|nsx|tap|vnet)[0-9a-zA-Z_-]*")
"""Names that default networks use for the node's end of a pod's link. Another veth may be the NIC of a node in a container."""

POD_LINK_KIND = "veth"

TRIED_LINK_KINDS = ("bond", "bridge", "dummy", "ifb", "ipvlan", "macvlan", "veth", "vlan", "vrf")
"""The kernel's kinds of links that CNI plugins create. A daemon finds out which of them its kernel can make."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of the node.

    `kind` is the kernel's link kind, "" for hardware; `mtu` is 0 if unknown; `controller` is its bridge or bond, `parent` the
    interface below it, as of a VLAN interface. `alt_names` are its alternative names, which the kernel accepts like `name`.
    `device_path` is the place of its device in sysfs, below /sys/devices; "" for an interface without one, or if unknown.
    `vlan_id` is that of a VLAN interface, 0 for others. `vlans` are those that a bridge with VLAN filtering, or a port of it,
    lets through: "1", "10-20". `sriov` is None for all but SR-IOV physical functions, and if unknown.
    """

    name: str
    kind: str = ""
    mtu: int = 0
    mac: str = ""
    up: bool = True
    addresses: tuple[str, ...] = ()
    controller: str = ""
    parent: str = ""
    alt_names: tuple[str, ...] = ()
    device_path: str = ""
    vlan_id: int = 0
    vlans: tuple[str, ...] = ()
    sriov: SriovFunction | None = None


@dataclass(frozen=True, slots=True)
class DefaultInterface:
    """An interface that carries the node's own traffic, with the reasons, for example "carries the IPv4 default route"."""

    name: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """An address of the node in the cluster, and its role, for example "the node's InternalIP"."""

    address: str
    role: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Plugin:
    """A CNI plugin binary and the CNI versions that it returns for VERSION; empty if it returned none.

    `unknown`: it is a symbolic link that the daemon cannot follow, so it may be installed or not.
    """

    name: str
    versions: tuple[str, ...] = ()
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Primary:
    """The default network: its name, its file in the CNI config directory, and the types of its plugins."""

    name: str
    file: str
    plugin_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A network in the CNI config directory: the name of the file and of the network."""

    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Dhcp:
    """Whether a daemon of the dhcp plugin listens on this socket, netattach's own or another one."""

    running: bool
    socket: str


@dataclass(frozen=True, slots=True)
class NodeInventory:
    """One node. `networks` includes the default network; it and `dhcp` are None if unknown.

    `unseen_plugin_directories` are those that the runtime searches and the daemon cannot see: any plugin may be there.
    The last fields are unknown if None or "": a daemon of an earlier release does not report them. `link_kinds` are those of
    TRIED_LINK_KINDS that the kernel can make.
    """

    node: str
    interfaces: tuple[Interface, ...] = ()
    default_interfaces: tuple[DefaultInterface, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    primary: Primary | None = None
    networks: tuple[NetworkFile, ...] | None = None
    dhcp: Dhcp | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    unseen_plugin_directories: tuple[str, ...] = ()
    boot_id: str = ""
    link_kinds: tuple[str, ...] | None = None
    cni_status: CniStatus | None = None
    attached: Attached | None = None
    unmet_pods: UnmetPods | None = None
    probe: Probe | None = None

    def interface(self, name: str) -> Interface | None:
        """The interface with this name, or with this alternative name."""
        return next((i for i in self.interfaces if i.name == name or name in i.alt_names), None)

    def default_reasons(self, name: str) -> tuple[str, ...]:
        """Why an interface, by its name or an alternative one, is a default interface; empty if it is not."""
        found = self.interface(name)
        names = {name, found.name if found else name}
        return next((d.reasons for d in self.default_interfaces if d.name in names), ())

    def has_plugin(self, name: str) -> bool:
        """Whether its binary is there, followed or not."""
        return any(p.name == name for p in self.plugins)

    def lacks_plugin(self, name: str) -> bool:
        """Whether it is certainly not installed."""
        return not self.unseen_plugin_directories and not self.has_plugin(name)

    def lacks_link_kind(self, kind: str) -> bool:
        """Whether its kernel certainly cannot make links of this kind."""
        tried = self.link_kinds is not None and kind in TRIED_LINK_KINDS
        return tried and kind not in (self.link_kinds or ())

    def has_network(self, name: str) -> bool | None:
        """Whether the CNI config directory has a file or network of this name; None if unknown."""
        return None if self.networks is None else any(name in {n.file, n.name} for n in self.networks)


def without_pods(interfaces: Iterable[Interface]) -> tuple[Interface, ...]:
    """The interfaces without all that changes with pods, so that a pod's start does not change the inventory.

    Leaves out the node's ends of the pods' links, and what depends on them: the MAC address of a bridge, which it takes from one
    of its ports, and link-local addresses, which the kernel adds when a link comes up.
    """
    return tuple(_without_pods(each) for each in interfaces if not _is_pod_link(each))


def is_pod_link_name(name: str) -> bool:
    """Whether a default network gives such a name to the node's end of a pod's link."""
    return bool(_POD_LINK.fullmatch(name))


def _is_pod_link(interface: Interface) -> bool:
    return interface.kind == POD_LINK_KIND and not _global(interface) and is_pod_link_name(interface.name)


def _without_pods(interface: Interface) -> Interface:
    mac = "" if interface.kind == "bridge" else interface.mac
    return dataclasses.replace(interface, mac=mac, addresses=_global(interface))


def _global(interface: Interface) -> tuple[str, ...]:
    return tuple(a for a in interface.addresses if not ipaddress.ip_interface(a).ip.is_link_local)


def without_counts(inventory: NodeInventory) -> NodeInventory:
    """The inventory without what changes with each pod: it is published less often, as is that no pod lacks a network."""
    unmet = inventory.unmet_pods if inventory.unmet_pods and inventory.unmet_pods.total else None
    return dataclasses.replace(inventory, attached=None, unmet_pods=unmet)


def has_first_pod(inventory: NodeInventory, before: NodeInventory) -> bool:
    """Whether pods of the node are attached to a network that had none `before`."""
    return bool(_used(inventory) - _used(before))


def _used(inventory: NodeInventory) -> frozenset[str]:
    networks = inventory.attached.networks if inventory.attached else ()
    return frozenset(each.network for each in networks if each.pods > 0)


def for_validation(inventory: NodeInventory) -> NodeInventory:
    """The inventory without what a daemon reports of its work: it changes often, and no rule reads it."""
    return dataclasses.replace(
        inventory, boot_id="", cni_status=None, attached=None, unmet_pods=None, probe=None
    )


def with_node_addresses(
    defaults: Sequence[DefaultInterface], interfaces: Sequence[Interface], addresses: Iterable[NodeAddress]
) -> tuple[DefaultInterface, ...]:
    """The default interfaces plus those that carry an address of the node in the cluster, and their ports."""
    reasons = {default.name: list(default.reasons) for default in defaults}
    for known in addresses:
        for carrier in (each for each in interfaces if _carries(each, known.address)):
            reason = f"carries {known.role} {known.address}"
            reasons.setdefault(carrier.name, []).append(reason)
            for port in (each for each in interfaces if each.controller == carrier.name):
                reasons.setdefault(port.name, []).append(f"is a port of {carrier.name}, which {reason}")
    return tuple(DefaultInterface(name, tuple(why)) for name, why in reasons.items())


def _carries(interface: Interface, address: str) -> bool:
    return any(each.partition("/")[0] == address for each in interface.addresses)


def to_dict(inventory: NodeInventory) -> dict[str, Any]:
    """The inventory as JSON values; `from_dict` reads it back."""
    return {
        "node": inventory.node,
        "interfaces": [_interface_dict(i) for i in inventory.interfaces],
        "defaultInterfaces": [
            {"name": d.name, "reasons": list(d.reasons)} for d in inventory.default_interfaces
        ],
        "plugins": [_plugin_dict(p) for p in inventory.plugins],
        "primary": inventory.primary
        and {
            "name": inventory.primary.name,
            "file": inventory.primary.file,
            "pluginTypes": list(inventory.primary.plugin_types),
        },
        **(
            {} if inventory.networks is None else {"networks": [*map(dataclasses.asdict, inventory.networks)]}
        ),
        **({"dhcp": dataclasses.asdict(inventory.dhcp)} if inventory.dhcp else {}),
        "labels": dict(inventory.labels),
        **(
            {"unseenPluginDirectories": list(inventory.unseen_plugin_directories)}
            if inventory.unseen_plugin_directories
            else {}
        ),
        **_known(inventory),
    }


def _known(inventory: NodeInventory) -> dict[str, Any]:
    """What an earlier release does not report, as far as it is known."""
    kinds = inventory.link_kinds
    parts = {
        "bootID": inventory.boot_id or None,
        "linkKinds": None if kinds is None else list(kinds),
        "cniStatus": inventory.cni_status and node_state.cni_status_dict(inventory.cni_status),
        "attached": inventory.attached and node_state.attached_dict(inventory.attached),
        "unmetPods": inventory.unmet_pods and node_state.unmet_pods_dict(inventory.unmet_pods),
        "probe": inventory.probe and node_state.probe_dict(inventory.probe),
    }
    return {key: part for key, part in parts.items() if part is not None}


def from_dict(body: Any) -> NodeInventory:
    """Reads the output of `to_dict`; missing parts are empty. Raises DecodeError.

    Equal texts and plugins of different inventories are one object: thousands of nodes are a few kinds.
    """
    try:
        primary, dhcp, networks = body.get("primary"), body.get("dhcp"), body.get("networks")
        return NodeInventory(
            node=str(body["node"]),
            interfaces=tuple(_interface(i) for i in body.get("interfaces", ())),
            default_interfaces=tuple(
                DefaultInterface(_shared(d["name"]), tuple(map(_shared, d.get("reasons", ()))))
                for d in body.get("defaultInterfaces", ())
            ),
            plugins=tuple(map(_plugin, body.get("plugins", ()))),
            primary=primary and Primary(primary["name"], primary["file"], tuple(primary["pluginTypes"])),
            networks=None if networks is None else tuple(NetworkFile(n["file"], n["name"]) for n in networks),
            dhcp=dhcp and Dhcp(bool(dhcp["running"]), str(dhcp.get("socket", ""))),
            labels={_shared(key): _shared(value) for key, value in (body.get("labels") or {}).items()},
            unseen_plugin_directories=tuple(body.get("unseenPluginDirectories") or ()),
            boot_id=str(body.get("bootID") or ""),
            link_kinds=_optional(body, "linkKinds", lambda kinds: tuple(map(_shared, kinds))),
            cni_status=_optional(body, "cniStatus", node_state.cni_status),
            attached=_optional(body, "attached", node_state.attached),
            unmet_pods=_optional(body, "unmetPods", node_state.unmet_pods),
            probe=_optional(body, "probe", node_state.probe),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"not a node inventory: {error!r}") from error


def _optional(body: Any, key: str, read: Callable[[Any], T]) -> T | None:
    """None where it is absent."""
    part = body.get(key)
    return None if part is None else read(part)


def _plugin_dict(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "versions": list(plugin.versions),
        **({"unknown": True} if plugin.unknown else {}),
    }


_plugins: weakref.WeakValueDictionary[tuple[Any, ...], Plugin] = weakref.WeakValueDictionary()
"""Those of inventories that are in memory."""


def _plugin(body: Any) -> Plugin:
    fields = _shared(body["name"]), tuple(map(_shared, body.get("versions", ()))), bool(body.get("unknown"))
    found = _plugins.get(fields)
    if found is None:
        found = _plugins[fields] = Plugin(fields[0], fields[1], unknown=fields[2])
    return found


def _shared(text: Any) -> Any:
    """One object for equal texts; it is forgotten with its last user."""
    return sys.intern(text) if type(text) is str else text


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
        **({"altNames": list(interface.alt_names)} if interface.alt_names else {}),
        **({"devicePath": interface.device_path} if interface.device_path else {}),
        **({"vlanID": interface.vlan_id} if interface.vlan_id else {}),
        **({"vlans": list(interface.vlans)} if interface.vlans else {}),
        **({"sriov": node_state.sriov_dict(interface.sriov)} if interface.sriov else {}),
    }


def _interface(body: Any) -> Interface:
    return Interface(
        name=_shared(body["name"]),
        kind=_shared(body.get("kind", "")),
        mtu=body.get("mtu", 0),
        mac=body.get("mac", ""),
        up=body.get("up", True),
        addresses=tuple(body.get("addresses", ())),
        controller=_shared(body.get("controller", "")),
        parent=_shared(body.get("parent", "")),
        alt_names=tuple(map(_shared, body.get("altNames") or ())),
        device_path=_shared(body.get("devicePath", "")),
        vlan_id=int(body.get("vlanID") or 0),
        vlans=tuple(map(str, body.get("vlans") or ())),
        sriov=_optional(body, "sriov", node_state.sriov),
    )
