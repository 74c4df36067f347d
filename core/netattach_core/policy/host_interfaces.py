"""The interfaces and bridges of the node that a network's plugins use, by the keys that name them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netattach_core.policy import members
from netattach_core.policy.members import Value
from netattach_core.policy.plugin_parts import Part
from netattach_core.text.finding import Path


@dataclass(frozen=True, slots=True)
class Named:
    """An interface or bridge of the node. `name` is None where no name says which one it is, and `how` says how it is chosen."""

    name: str | None
    path: Path
    start: int
    how: str = ""


_MASTER = {"macvlan", "ipvlan", "vlan"}
_BY_NUMBER = {"hwaddr", "kernelpath", "pcibusid", "deviceid", "pciaddress", "pciaddr", "busid"}
_INTERFACE_KEYS = {
    *(
        "master",
        "masters",
        "parent",
        "device",
        "devices",
        "hostdevice",
        "hostinterface",
        "hostif",
        "uplink",
        "nic",
        "link",
    ),
    *(
        "iface",
        "netdev",
        "physicalinterface",
        "physicalnetworkname",
        "basename",
        "parentinterface",
        "masterinterface",
    ),
}
"""Keys under which plugins that netattach does not know name an interface of the node, in lower case, without `-` and `_`."""
_BRIDGE_KEYS = {"bridge", "bridges", "bridgename", "brname", "hostbridge"}
_DEFAULT_BRIDGE = "cni0"


def masters(part: Part) -> Iterator[Named]:
    """The interfaces of the node that the plugin uses or moves into the pod."""
    yield from _by_number(part)
    if part.unknown:
        yield from _anywhere(part, _INTERFACE_KEYS)
    elif part.type in _MASTER and not part.certainly("linkincontainer"):
        yield from _names(part, "master", "the interface of the node's default route")
    elif part.type == "host-device":
        yield from (_named(value) for value in part.values("device"))
    elif part.type == "bond" and not part.certainly("linksincontainer"):
        links = (each for value in part.values("links") for each in members.walk(value.node, value.path))
        yield from (_named(link) for link in links if link.key == "name")
    elif part.type == "ovn-k8s-cni-overlay" and any(
        v.node.value == "localnet" for v in part.values("topology")
    ):
        yield from _names(part, "physicalnetworkname", "the physical network of the same name")


def bridges(part: Part) -> Iterator[Named]:
    """The bridges of the node to which the plugin attaches the pod."""
    if part.unknown:
        yield from _anywhere(part, _BRIDGE_KEYS)
    elif part.type == "bridge":
        values = part.values("bridge")
        yield from (_named(value) for value in values)
        if not values:
            yield Named(_DEFAULT_BRIDGE, part.path, part.node.start)
    elif part.type == "ovs":
        yield from _names(part, "bridge", "a bridge that the plugin finds out itself")


def _names(part: Part, key: str, otherwise: str) -> Iterator[Named]:
    """The names under a key; without one, or with an empty one, the plugin decides."""
    values = part.values(key)
    for value in values:
        empty = value.node.value == ""
        yield Named(None, value.path, value.node.start, otherwise) if empty else _named(value)
    if not values:
        yield Named(None, part.path, part.node.start, otherwise)


def _by_number(part: Part) -> Iterator[Named]:
    """Addresses of hardware, which no list of names can allow. `deviceID` is what the kubelet allocates to each pod."""
    for path, key, node in members.walk(part.node, part.path):
        if _plain(key) in _BY_NUMBER and node.value is not None and node.value != "":
            yield Named(None, path, node.start, f"a device by `{path[-1]}`")


def _anywhere(part: Part, keys: set[str]) -> Iterator[Named]:
    for value in members.walk(part.node, part.path):
        if _plain(value.key) in keys and isinstance(value.node.value, str) and value.node.value:
            yield _named(value)


def _plain(key: str) -> str:
    return key.replace("-", "").replace("_", "")


def _named(value: Value) -> Named:
    """The name up to the NUL at which the kernel ends it: what comes after it is on no list."""
    text = value.node.value
    name = text.partition("\0")[0] if isinstance(text, str) else None
    return Named(name, value.path, value.node.start, "something that is not a name")
