"""The network as a chain of plugins: the configuration of each as the plugin reads it, and its context in the chain."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.cni import versions
from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.plugins import ipam_plugin, main_plugin, schema_types
from netattach_core.plugins.plugin import Context, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.json_document import Node, folded
from netattach_core.validation import syntax_rules
from netattach_core.validation.go_json import as_go_reads, merged
from netattach_core.validation.memoize import cache_texts

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
"""The keys next to `plugins` (CNI SPEC, section 1)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One plugin of the chain: `raw` is the author's configuration, `config` the same as Go reads it; likewise for `ipam`.

    `type` is the plugin's own name, `binary` the name in the configuration. `plugin` is None for an unknown one.
    """

    raw: ConfigView
    config: ConfigView
    type: str
    binary: str
    plugin: Plugin | None
    context: Context
    schema: Mapping[str, Any]
    ipam_raw: ConfigView | None = None
    ipam: ConfigView | None = None
    ipam_type: str = ""
    ipam_plugin: Plugin | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A complete configuration; `listed` for one with `plugins`."""

    top: ConfigView
    entries: tuple[Entry, ...]
    listed: bool
    cni_version: str


class Parsed(NamedTuple):
    """A NAD's configuration as written, and as a chain of plugins."""

    root: Node
    network: Network


_CACHED = 512
"""Networks: at admission all rules look at one text, one after the other, and all pods of a node use the same few."""


def of_nad(nad: Nad) -> Parsed | None:
    """The chain of a NAD; None where its configuration is empty, or not a JSON object. Nobody changes the result."""
    return _of_text(nad.config, nad.namespace, nad.name, bool(nad.annotations.get(RESOURCE_NAME)))


@cache_texts(_CACHED)
def _of_text(config: str, namespace: str, name: str, has_resource: bool) -> Parsed | None:  # noqa: FBT001  # a key of the cache
    """The chain depends on this one annotation alone, and on whether there is one."""
    _, root = syntax_rules.read(config)
    if root is None:
        return None
    annotations = {RESOURCE_NAME: "any"} if has_resource else {}
    return Parsed(root, read(root, Nad(namespace, name, config, annotations)))


def read(root: Node, nad: Nad) -> Network:
    """The chain of a configuration; reports nothing itself."""
    listed = isinstance(root.value.get("plugins"), list) or (
        "plugins" in root.value and "type" not in root.value
    )
    top = ConfigView(as_go_reads(root, LIST_SCHEMA if listed else _COMMON_SCHEMA))
    version = _version(top)
    raws = ConfigView(root).items("plugins") if listed else (ConfigView(root),)
    chain = [_decoded(raw) for raw in raws if isinstance(raw.node.value, dict)]
    mains = (index for index, each in enumerate(chain) if _creates_interface(each))
    first_main = next(mains, len(chain))
    moving = [index for index, each in enumerate(chain) if _moves_default_routes(each)]
    entries: list[Entry] = []
    bare = True
    for index, decoded in enumerate(chain):
        position = _Position(
            chain[0].type,
            first_ipam=entries[0].ipam_type if entries else "",
            chained=index > 0,
            made=first_main < index,
            bare=bare and index > 0,
            followed=index + 1 < len(chain),
            moved_before=any(each < index and chain[each].type == "sbr" for each in moving),
            moved_after=bool(moving) and moving[-1] > index,
        )
        entry = _entry(decoded, position, version, top, nad)
        entries.append(entry)
        bare = bare and _assigns_no_address(entry)
    return Network(top, tuple(entries), listed, version)


class _Decoded(NamedTuple):
    """The configuration of one plugin, as in `Entry`."""

    raw: ConfigView
    config: ConfigView
    type: str
    binary: str
    plugin: Plugin | None
    schema: Mapping[str, Any]


def _decoded(raw: ConfigView) -> _Decoded:
    binary = _type(raw.node)
    kind = canonical_name(binary)
    plugin = main_plugin(kind)
    schema = main_schema(plugin.type if plugin else "")
    config = ConfigView(as_go_reads(raw.node, schema), raw.path)
    return _Decoded(raw, config, kind, binary, plugin, schema)


def _type(node: Node) -> str:
    """`type` as Go reads it, since the schema for the other keys depends on it."""
    found = (m.node.value for m in reversed(node.members) if folded(m.key) == "type")
    value = next((each for each in found if each is not None), None)
    return value if isinstance(value, str) else ""


def _version(top: ConfigView) -> str:
    offered = [top.text("cniVersion") or "", *(text for _, text in top.texts("cniVersions"))]
    return versions.newest_supported(offered) or versions.SUPPORTED[0]


@dataclass(frozen=True, slots=True)
class _Position:
    """The position of a plugin in the chain: the type of the first plugin, and whether others follow.

    `made`: a plugin before it creates the interface. `bare`: certainly none before it assigns an address. `moved_before`: sbr
    before it moves all routes; `moved_after`: a plugin after it takes the default routes out of the main table.
    """

    first: str
    first_ipam: str
    chained: bool
    made: bool
    bare: bool
    followed: bool
    moved_before: bool
    moved_after: bool


def _entry(decoded: _Decoded, position: _Position, version: str, top: ConfigView, nad: Nad) -> Entry:
    raw, config, kind, binary, plugin, schema = decoded
    context = Context(
        cni_version=version,
        type=kind,
        capabilities=_capabilities(config),
        chained=position.chained,
        has_successor=position.followed,
        interface_exists=position.made,
        first_type=position.first,
        first_ipam=position.first_ipam,
        routes_moved_before=position.moved_before,
        routes_moved_after=position.moved_after,
        mode=config.text("mode") or "",
        has_resource=bool(nad.annotations.get(RESOURCE_NAME)),
        namespace=nad.namespace,
        name=nad.name,
        network_name=top.text("name") or "",
        no_address_before=position.bare,
        sets_routes=_sets_routes(config, kind, nad),
        adds_gateways=kind == "bridge" and (config.flag("isGateway") or config.flag("isDefaultGateway")),
        supplies_ranges=plugin.supplies_ranges if plugin else None,
    )
    ipam = config.object("ipam")
    ipam_type = (ipam.text("type") if ipam else None) or ""
    if ipam is not None and plugin is not None and not ipam.has("type"):
        ipam_type = plugin.default_ipam
    known = ipam_plugin(ipam_type)
    ipam_raw = _ipam_raw(raw)
    if known and ipam_raw:
        ipam = ConfigView(as_go_reads(ipam_raw.node, ipam_schema(known.type)), ipam_raw.path)
        config = _with_ipam(config, ipam)
    return Entry(raw, config, kind, binary, plugin, context, schema, ipam_raw, ipam, ipam_type, known)


def _moves_default_routes(decoded: _Decoded) -> bool:
    """Whether a chained plugin takes the default routes of the interface out of the main table.

    sbr moves all routes to a table of its own, unless it is given one (sbr/main.go: doRoutes, doRoutesWithTable); route-override
    deletes them (route-override.go: processRoutes).
    """
    config = decoded.config
    if decoded.type == "sbr":
        return not config.has("table")
    if decoded.type != "route-override":
        return False
    deleted = {route.text("dst") for route in config.objects("delroutes")}
    return config.flag("flushroutes") or config.flag("flushgateway") or not deleted.isdisjoint(_DEFAULTS)


_DEFAULTS = {"0.0.0.0/0", "::/0"}

CREATES_INTERFACE = {"bridge", "macvlan", "ipvlan", "vlan", "ptp", "dummy", "tap"}
"""Main plugins that certainly create an interface named CNI_IFNAME, and set it up in the pod."""

NO_ADDRESS_WITHOUT_IPAM = {"bridge", "macvlan", "tap", "host-device", "ovs"}
"""Main plugins that certainly assign no address without `ipam`, and write their result in the configured version."""


def _sets_routes(config: ConfigView, kind: str, nad: Nad) -> bool:
    """Whether it sets routes; not for a device that may have a user-space driver (host-device.go: hasDpdkDriver)."""
    if kind != "host-device":
        return kind in CREATES_INTERFACE
    from_kubelet = bool(nad.annotations.get(RESOURCE_NAME)) or "deviceID" in _capabilities(config)
    return not (from_kubelet or config.value("pciBusID") or config.flag("DPDKMode"))


def _assigns_no_address(entry: Entry) -> bool:
    """Whether the plugin certainly assigns no address, neither itself nor with an IPAM plugin.

    ovs may read the IPAM from a file on the node.
    """
    if entry.plugin is None or entry.config.value("ipam") or entry.config.has("configuration_path"):
        return False
    return entry.type in NO_ADDRESS_WITHOUT_IPAM or entry.plugin.role is Role.CHAINED


def _capabilities(config: ConfigView) -> frozenset[str]:
    declared = config.object("capabilities")
    return (
        frozenset(name for name, on in declared.node.value.items() if on is True) if declared else frozenset()
    )


def _creates_interface(decoded: _Decoded) -> bool:
    return decoded.plugin is not None and decoded.plugin.role is Role.MAIN


@functools.cache
def main_schema(kind: str) -> dict[str, Any]:
    """The schema of a plugin's configuration: the keys that libcni reads and the plugin's own; "" for an unknown plugin."""
    plugin = main_plugin(kind)
    if plugin is None:
        return schema_types.object_of(**schema_types.READ_BY_LIBCNI)
    return {**plugin.schema, "properties": {**schema_types.COMMON, **plugin.schema["properties"]}}


@functools.cache
def ipam_schema(kind: str) -> dict[str, Any]:
    """The schema of the `ipam` section of an IPAM plugin."""
    plugin = ipam_plugin(kind)
    if plugin is None:
        return schema_types.object_of(type=schema_types.STRING)
    return {**plugin.schema, "properties": {"type": schema_types.STRING, **plugin.schema["properties"]}}


def _ipam_raw(raw: ConfigView) -> ConfigView | None:
    nodes = [m.node for m in raw.node.members if folded(m.key) == "ipam" and isinstance(m.node.value, dict)]
    return ConfigView(merged(nodes), (*raw.path, "ipam")) if nodes else None


def _with_ipam(config: ConfigView, ipam: ConfigView) -> ConfigView:
    """The configuration with its `ipam` section as the IPAM plugin reads it."""
    members = tuple(m if m.key != "ipam" else type(m)(m.key, m.start, ipam.node) for m in config.node.members)
    value = {m.key: m.node.value for m in members}
    return ConfigView(Node(value, config.node.start, config.node.end, members), config.path)
