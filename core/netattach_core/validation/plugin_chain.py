"""The network as a chain of plugins: each one's configuration as it reads it, with what it may know of the others."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.cni import versions
from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.plugins import ipam_plugin, main_plugin, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text.json_document import Node
from netattach_core.validation.go_json import as_go_reads, merged

_COMMON_SCHEMA = schema_types.object_of(**schema_types.COMMON)

LIST_SCHEMA = schema_types.object_of(
    cniVersion=schema_types.STRING,
    cniVersions=schema_types.STRINGS,
    name=schema_types.STRING,
    disableCheck=schema_types.ANYTHING,
    disableGC=schema_types.ANYTHING,
    loadOnlyInlinedPlugins=schema_types.ANYTHING,
    plugins=schema_types.list_of(schema_types.ANYTHING),
)
"""The keys beside `plugins` (cni-spec, section 1)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One plugin of the chain: the author's text, what the plugin reads of it, and who it is; `ipam` likewise.

    `type` is the plugin's own name, `binary` the one that it is called by.
    """

    raw: View
    conf: View
    type: str
    binary: str
    plugin: Plugin | None
    context: Context
    schema: Mapping[str, Any]
    ipam_raw: View | None = None
    ipam: View | None = None
    ipam_type: str = ""
    ipam_plugin: Plugin | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """The whole configuration."""

    top: View
    entries: tuple[Entry, ...]
    listed: bool
    cni_version: str


def read(root: Node, nad: Nad) -> Network:
    """Takes the configuration apart; finds nothing wrong itself."""
    listed = isinstance(root.value.get("plugins"), list) or (
        "plugins" in root.value and "type" not in root.value
    )
    top = View(as_go_reads(root, LIST_SCHEMA if listed else _COMMON_SCHEMA))
    version = _version(top)
    raws = View(root).items("plugins") if listed else (View(root),)
    raws = tuple(raw for raw in raws if isinstance(raw.node.value, dict))
    binaries = [_type(raw.node) for raw in raws]
    types = [canonical_name(binary) for binary in binaries]
    makers = (index for index, kind in enumerate(types) if _makes_interface(kind))
    first_maker = next(makers, len(types))
    entries: list[Entry] = []
    bare = True
    for index, raw in enumerate(raws):
        place = _Place(
            tuple(types[:index]),
            made=first_maker < index,
            bare=bare and index > 0,
            followed=index + 1 < len(raws),
        )
        entry = _entry(raw, binaries[index], place, version, top, nad)
        entries.append(entry)
        bare = bare and _gives_no_address(entry)
    return Network(top, tuple(entries), listed, version)


def _type(node: Node) -> str:
    """As Go reads it, before it is known by which schema the rest is read."""
    found = (m.node.value for m in reversed(node.members) if m.key.casefold() == "type")
    value = next((each for each in found if each is not None), None)
    return value if isinstance(value, str) else ""


def _version(top: View) -> str:
    offered = [top.text("cniVersion") or "", *(text for _, text in top.texts("cniVersions"))]
    return versions.newest_supported(offered) or versions.SUPPORTED[0]


@dataclass(frozen=True, slots=True)
class _Place:
    """The plugins before one: their types, whether one makes the interface, whether surely none gives an address.

    And whether there are others behind it.
    """

    types: tuple[str, ...]
    made: bool
    bare: bool
    followed: bool


def _entry(raw: View, binary: str, place: _Place, version: str, top: View, nad: Nad) -> Entry:
    kind = canonical_name(binary)
    plugin = main_plugin(kind)
    schema = main_schema(plugin.type if plugin else "")
    conf = View(as_go_reads(raw.node, schema), raw.path)
    context = Context(
        cni_version=version,
        capabilities=_capabilities(conf),
        chained=bool(place.types),
        has_successor=place.followed,
        interface_exists=place.made,
        first_type=place.types[0] if place.types else kind,
        mode=conf.text("mode") or "",
        has_resource=bool(nad.annotations.get(RESOURCE_NAME)),
        namespace=nad.namespace,
        name=nad.name,
        network_name=top.text("name") or "",
        no_address_before=place.bare,
        sets_routes=_sets_routes(conf, kind, nad),
        adds_gateways=kind == "bridge" and (conf.flag("isGateway") or conf.flag("isDefaultGateway")),
        supplies_ranges=plugin.supplies_ranges if plugin else None,
    )
    ipam = conf.object("ipam")
    ipam_type = (ipam.text("type") if ipam else None) or ""
    if ipam is not None and plugin is not None and not ipam.has("type"):
        ipam_type = plugin.default_ipam
    known = ipam_plugin(ipam_type)
    ipam_raw = _ipam_raw(raw)
    if known and ipam_raw:
        ipam = View(as_go_reads(ipam_raw.node, ipam_schema(known.type)), ipam_raw.path)
        conf = _with_ipam(conf, ipam)
    return Entry(raw, conf, kind, binary, plugin, context, schema, ipam_raw, ipam, ipam_type, known)


MAKES_LINK = {"bridge", "macvlan", "ipvlan", "vlan", "ptp", "dummy", "tap"}
"""Main plugins that surely make an interface, of the name that they are called with, and set it up in the pod."""

BARE_WITHOUT_IPAM = {"bridge", "macvlan", "tap", "host-device", "ovs"}
"""Main plugins that surely bring no address without `ipam`, and write their result in the version that they are asked for."""


def _sets_routes(conf: View, kind: str, nad: Nad) -> bool:
    """Not of a device that the plugin may find given to user space (host-device.go: hasDpdkDriver)."""
    if kind != "host-device":
        return kind in MAKES_LINK
    handed_out = bool(nad.annotations.get(RESOURCE_NAME)) or "deviceID" in _capabilities(conf)
    return not (handed_out or conf.value("pciBusID") or conf.flag("DPDKMode"))


def _gives_no_address(entry: Entry) -> bool:
    """Whether it is known of this plugin that it neither brings an address itself nor by an IPAM plugin.

    A file on the node that ovs reads may name one.
    """
    if entry.plugin is None or entry.conf.value("ipam") or entry.conf.has("configuration_path"):
        return False
    return entry.type in BARE_WITHOUT_IPAM or entry.plugin.role is Role.CHAINED


def _capabilities(conf: View) -> frozenset[str]:
    declared = conf.object("capabilities")
    return (
        frozenset(name for name, on in declared.node.value.items() if on is True) if declared else frozenset()
    )


def _makes_interface(kind: str) -> bool:
    plugin = main_plugin(kind)
    return plugin is not None and plugin.role is Role.MAIN


@functools.cache
def main_schema(kind: str) -> dict[str, Any]:
    """The schema of a plugin's configuration, "" for one that is not known: what libcni reads, and the plugin's own keys."""
    plugin = main_plugin(kind)
    if plugin is None:
        return schema_types.object_of(**schema_types.READ_BY_LIBCNI)
    return {**plugin.schema, "properties": {**schema_types.COMMON, **plugin.schema["properties"]}}


@functools.cache
def ipam_schema(kind: str) -> dict[str, Any]:
    """The schema of an ipam section, likewise; of a plugin that the validator knows."""
    plugin = ipam_plugin(kind)
    if plugin is None:
        return schema_types.object_of(type=schema_types.STRING)
    return {**plugin.schema, "properties": {"type": schema_types.STRING, **plugin.schema["properties"]}}


def _ipam_raw(raw: View) -> View | None:
    nodes = [
        m.node for m in raw.node.members if m.key.casefold() == "ipam" and isinstance(m.node.value, dict)
    ]
    return View(functools.reduce(merged, nodes), (*raw.path, "ipam")) if nodes else None


def _with_ipam(conf: View, ipam: View) -> View:
    """The configuration with its ipam section as the IPAM plugin reads it."""
    members = tuple(m if m.key != "ipam" else type(m)(m.key, m.start, ipam.node) for m in conf.node.members)
    value = {m.key: m.node.value for m in members}
    return View(Node(value, conf.node.start, conf.node.end, members), conf.path)
