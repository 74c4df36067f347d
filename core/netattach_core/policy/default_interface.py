"""The node's default interface, by any way to select one: pods must neither share it nor take it from the node."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE
from netattach_core.net import addresses
from netattach_core.plugins.view import ConfigView
from netattach_core.policy import default_links, exemptions, members
from netattach_core.policy.case import Findings, NetworkCase, ask, rule
from netattach_core.policy.default_links import Carrier, DefaultLinks
from netattach_core.policy.members import Value
from netattach_core.policy.plugin_parts import Part
from netattach_core.text.finding import Finding, Path, Severity
from netattach_core.text.json_document import Node
from netattach_core.validation import node_majority, node_rules

DEFAULT_INTERFACE = rule("policy-default-interface", "an interface that carries the node's own traffic")

RULES = (DEFAULT_INTERFACE,)

_BY_NAME = {
    "macvlan": "master",
    "ipvlan": "master",
    "vlan": "master",
    "host-device": "device",
    "bridge": "bridge",
    "tap": "bridge",
    "ovs": "bridge",
}
"""The key that names an interface of the node."""

_IN_CONTAINER = {"macvlan", "ipvlan", "vlan"}
"""Plugins that read `linkInContainer`; the others ignore it."""

_DEFAULT_ROUTE = {"macvlan", "ipvlan"}
"""Plugins that use the interface of the default route where none is named."""

_UNKNOWN_NAMES = frozenset(
    {
        *("master", "masters", "masterinterface", "device", "devices", "netdev", "link", "links", "nic"),
        *("bridge", "bridges", "bridgename", "hostbridge", "hostinterface", "hostdevice", "hostif"),
        *("parent", "parentinterface", "uplink", "physicalinterface"),
    }
)
"""Keys of unknown plugins for an interface of the node, in lower case, without `-` and `_`."""

_HARDWARE = frozenset({"hwaddr", "kernelpath", "pcibusid", "deviceid"})
_OF_THE_POD = frozenset({"ipam", "dns", "prevresult", "args"})
"""Keys of unknown plugins that select no interface of the node."""


def check_network(case: NetworkCase) -> Findings:
    """Every selector of every plugin, compared with the default interfaces of the nodes that the network can be on.

    A key that is there twice counts with each of its values, since Go merges lists: `"links": [{}]` after
    `"links": [{"name": "eth0"}]` leaves eth0.
    """
    links = default_links.of_nodes(exemptions.nodes_of(case.nad, case.around.nodes))
    for plugin in case.plugins:
        entry = plugin.entry
        for part in plugin.parts:
            chained = entry.context.chained and part.node is entry.raw.node
            yield from _plugin(case, links, part, chained=chained)
        for path, node in _runtime_devices(entry.raw):
            yield from _hardware(case, links, "pcibusid", path, node)


def _plugin(case: NetworkCase, links: DefaultLinks, part: Part, *, chained: bool) -> Findings:
    if part.unknown:
        yield from _unknown(case, links, part.node, part.path)
        return
    if part.type in _BY_NAME:
        yield from _by_name(case, links, part, chained=chained)
    if part.type == "bond" and not part.certainly("linksincontainer"):
        for value in part.values("links"):
            named = members.walk(value.node, value.path)
            yield from (found for each in named if each.key == "name" for found in _named(case, links, each))
    for member in part.node.members:
        key = member.key.casefold()
        if key in _HARDWARE:
            yield from _hardware(case, links, key, (*part.path, member.key), member.node)


def _by_name(case: NetworkCase, links: DefaultLinks, part: Part, *, chained: bool) -> Findings:
    key, kind = _BY_NAME[part.type], part.type
    if kind in _IN_CONTAINER and part.certainly("linkincontainer"):
        return
    named = part.values(key)
    for value in named:
        tagged = kind == "vlan" and _is_tagged(part)
        yield from _named(case, links, value, tagged=tagged, movable=kind == "host-device")
    omitted = all(value.node.value == "" for value in named[-1:])
    if omitted and links.by_name and kind in _DEFAULT_ROUTE and not (kind == "ipvlan" and chained):
        problem = f"no `{key}`, so {kind} uses the interface of the node's default route, which pods must not share with the node"
        yield _found(case, part.path, part.node, problem)


def _is_tagged(part: Part) -> bool:
    """Whether the VLAN certainly has a number; without one, it takes the frames without a tag."""
    numbers = [value.node.value for value in part.values("vlanid")]
    return bool(numbers) and all(isinstance(number, int | float) and number for number in numbers)


def _named(
    case: NetworkCase, links: DefaultLinks, value: Value, *, tagged: bool = False, movable: bool = True
) -> Findings:
    """An interface by name, up to the NUL at which the kernel ends it.

    `tagged`: a VLAN next to the node's own one, which the kernel does not let it take ("file exists"): that is only a warning.
    So is what one node alone claims, which refuses the network itself; unless it is `movable`, so that the node would lose it.
    """
    text = value.node.value
    name = text.partition("\0")[0] if isinstance(text, str) else ""
    carriers = links.by_name.get(name)
    if not carriers:
        return
    only_parent = tagged and all(each.is_parent for each in carriers)
    claiming = {each.node for each in carriers}
    others = [each for each in case.around.nodes if each.node not in claiming and each.interface(name)]
    outvoted = not movable and node_majority.is_outvoted(claiming, others)
    why = node_majority.reason(carriers[0].node, others) if outvoted else ""
    yield _selected(case, value.path, value.node, carriers, why, warn=only_parent or outvoted)


def _unknown(
    case: NetworkCase, links: DefaultLinks, node: Node, path: Path, key: str = ""
) -> Iterator[Finding]:
    """A plugin that netattach does not know: keys at any depth that other plugins use for an interface of the node.

    `key` is the one of the value, or of the list that it is in.
    """
    if isinstance(node.value, str) and key in _UNKNOWN_NAMES:
        carriers = links.by_name.get(node.value.partition("\0")[0])
        if carriers:
            yield _selected(case, path, node, carriers)
    elif key in _HARDWARE:
        yield from _hardware(case, links, key, path, node)
    for index, item in enumerate(node.items):
        yield from _unknown(case, links, item, (*path, index), key)
    for member in node.members:
        inner = member.key.casefold().replace("-", "").replace("_", "")
        if inner not in _OF_THE_POD:
            yield from _unknown(case, links, member.node, (*path, member.key), inner)


def _runtime_devices(raw: ConfigView) -> Iterator[tuple[Path, Node]]:
    """`runtimeConfig.deviceID`, which the plugins of SR-IOV and host-device prefer to all other selectors."""
    for outer in raw.node.members:
        if outer.key.casefold() == "runtimeconfig":
            for inner in outer.node.members:
                if inner.key.casefold() == "deviceid":
                    yield (*raw.path, outer.key, inner.key), inner.node


def _hardware(case: NetworkCase, links: DefaultLinks, key: str, path: Path, node: Node) -> Findings:
    text = node.value
    if not isinstance(text, str) or not text:
        return
    if key == "hwaddr":
        carriers = links.by_mac.get(addresses.mac_digits(text))
    elif key == "kernelpath":
        carriers = links.by_path.get(posixpath.normpath(text))
        if not carriers and not _is_device_path(text, links):
            yield _found(case, path, node, f"`kernelpath` {text!r} {_PATH_PROBLEM}", _PATH_FIX)
    else:
        carriers = links.by_pci.get(text.lower())
        if key == "pcibusid" and not default_links.is_pci_address(text):
            yield _found(case, path, node, f"`{path[-1]}` {text!r} {_PCI_PROBLEM}", _PCI_FIX)
    if carriers:
        yield _selected(case, path, node, carriers)


_PATH_PROBLEM = (
    "is not the path of an interface's device as the nodes report it; by a symbolic link or `..` it may lead to the node's "
    "default interface"
)
_PATH_FIX = (
    "write the output of `readlink -f /sys/class/net/eth1/device`, or select the interface by `device`"
)
_PCI_PROBLEM = (
    "is not a PCI address; the plugin reads it as a path, which may lead to the node's default interface"
)
_PCI_FIX = "write domain, bus, device and function: 0000:00:1f.6"
_LINKS_OF_SYSFS = frozenset(
    {"..", "subsystem", "driver", "device", "virtual", "net", "firmware_node", "physfn"}
)


def _is_device_path(text: str, links: DefaultLinks) -> bool:
    """Whether the path is that of a device. Daemons of earlier versions do not report paths."""
    if links.paths:
        return posixpath.normpath(text) in links.paths and ".." not in text.split("/")
    return text.startswith("/sys/devices/") and _LINKS_OF_SYSFS.isdisjoint(text.split("/"))


def _selected(
    case: NetworkCase,
    path: Path,
    node: Node,
    carriers: Sequence[Carrier],
    why: str = "",
    *,
    warn: bool = False,
) -> Finding:
    key = next(part for part in reversed(path) if isinstance(part, str))
    problem = f"`{key}` {node.value!r} is {default_links.described(carriers)}. Pods must neither share nor take it{why}"
    return _found(case, path, node, problem, severity=Severity.WARN if warn else None)


def _found(
    case: NetworkCase,
    path: Path,
    node: Node,
    problem: str,
    fix: str = "",
    *,
    severity: Severity | None = None,
) -> Finding:
    return Finding(DEFAULT_INTERFACE, path, problem, fix or _fix(case), node.start, severity)


def _fix(case: NetworkCase) -> str:
    usable = node_rules.candidates(case.around.nodes)
    own = f"use another interface{': ' if usable else ''}{', '.join(usable)}"
    return (
        f"{own}; or {ask(case.policy, exemptions.TRUST)}, where {ALLOW_DEFAULT_INTERFACE}: 'true' allows it"
    )
