"""Rules for every configuration, whatever its plugins: type, plugins, version, name, and the order of plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.cni import versions
from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.net import names
from netattach_core.net.names import shown
from netattach_core.plugins import ipam_plugin, main_plugin, meant_type, schema_types
from netattach_core.plugins.plugin import Ipam, Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Path, Rule, Severity, path_text
from netattach_core.validation import partly_known_rules
from netattach_core.validation.plugin_chain import (
    CREATES_INTERFACE,
    LIST_SCHEMA,
    NO_ADDRESS_WITHOUT_IPAM,
    Entry,
    Network,
)

DENY, WARN = Severity.DENY, Severity.WARN

TYPE_MISSING = Rule("type-missing", DENY, "a configuration without the name of a plugin")
TYPE_MISSPELT = Rule("type-misspelt", WARN, "an unknown plugin name that is similar to a known one")
PLUGINS_SHAPE = Rule("plugins-shape", DENY, "`plugins` that is not a list of plugin configurations")
CNI_VERSION = Rule("cni-version", DENY, "a CNI version that does not exist")
CNI_VERSION_MISSING = Rule(
    "cni-version-missing", Severity.ADVICE, "no CNI version, which means the oldest one"
)
CNI_VERSION_OLD = Rule("cni-version-too-old", DENY, "a CNI version older than the plugin supports")
NETWORK_NAME = Rule("network-name", DENY, "a network name that CNI runtimes refuse")
CHAINED_FIRST = Rule("chained-first", DENY, "a chained plugin without a plugin before it")
MAIN_TWICE = Rule("main-twice", WARN, "two plugins that both create the pod's interface")
LIST_FLAG = Rule("list-flag", DENY, "a flag of the plugin list that is neither true nor false")
IPAM_MISSING = Rule("ipam-missing", DENY, "no IPAM for a plugin that requires it")
IPAM_TYPE = Rule("ipam-type", DENY, "an `ipam.type` that is not an IPAM plugin")
IPAM_TYPE_MISSING = Rule("ipam-type-missing", WARN, "an `ipam` section without a type")
KEY_MISPLACED = Rule("key-misplaced", WARN, "a key next to `plugins`, where no plugin reads it")

CAPABILITY_UNREAD = Rule("capability-unread", WARN, "a capability that no plugin of the network reads")

RULES = (
    CAPABILITY_UNREAD,
    TYPE_MISSING,
    TYPE_MISSPELT,
    PLUGINS_SHAPE,
    CNI_VERSION,
    CNI_VERSION_MISSING,
    CNI_VERSION_OLD,
    NETWORK_NAME,
    CHAINED_FIRST,
    MAIN_TWICE,
    LIST_FLAG,
    IPAM_MISSING,
    IPAM_TYPE,
    IPAM_TYPE_MISSING,
    KEY_MISPLACED,
)

_MAY_FOLLOW = {"ipvlan", "cilium-cni"}
"""Main plugins that can also use the interface of a plugin before them; ipvlan does so without `master`."""

_LIST_FLAGS = ("disableCheck", "disableGC", "loadOnlyInlinedPlugins")

_RESULT_NEEDS_ADDRESSES = {"sriov", "ib-sriov", "bond", "macvtap"}
"""Plugins whose newer releases cannot write a result without addresses before 0.3.0; older ones ignored the version."""

_MAX_NAME = 150
"""With longer names, the file names of caches and leases approach the limit of file systems, 255 bytes."""


def check(network: Network) -> Iterator[Finding]:
    """The findings of this module's rules."""
    yield from _cni_version(network)
    yield from _name(network.top)
    yield from _plugins(network)
    for entry in network.entries:
        yield from _type(entry)
        yield from _position(entry, network)
        yield from _ipam(entry)
        yield from _oldest_version(entry, network)
    yield from _capabilities(network)


def _cni_version(network: Network) -> Iterator[Finding]:
    """The exact text counts: every plugin refuses `1.0` and `v1.0.0` as well; no version means 0.1.0 (CNI SPEC)."""
    top, value = network.top, network.top.value("cniVersion")
    offered = [text for _, text in top.texts("cniVersions")]
    if value is None or value == "":
        if not offered:
            problem = (
                "no `cniVersion`, which means 0.1.0: CHECK is not supported, "
                "and a pod gets at most one address of each IP version"
            )
            fails = _unwritable_result(network)
            severity = WARN if fails else None
            yield top.found(
                CNI_VERSION_MISSING, problem + fails, 'add "cniVersion": "1.0.0"', severity=severity
            )
    elif (
        isinstance(value, str) and value not in versions.SUPPORTED and not versions.newest_supported(offered)
    ):
        problem = f"`cniVersion` {value!r} is not a CNI version; every plugin refuses it"
        yield top.found(CNI_VERSION, problem, f"write one of {', '.join(versions.SUPPORTED)}", "cniVersion")
    elif not isinstance(value, str):
        problem = f"`cniVersion` is {value!r}, but it must be a string"
        yield top.found(
            CNI_VERSION, problem, f"write it in quotes: one of {', '.join(versions.SUPPORTED)}", "cniVersion"
        )


def _unwritable_result(network: Network) -> str:
    """What to add for plugins that only warn of a missing `ipam` before 0.3.0."""
    for entry in network.entries:
        if entry.type in _RESULT_NEEDS_ADDRESSES and not entry.ipam_type:
            return f"; without `ipam`, newer releases of {entry.type} cannot write their result in that version, and ADD fails"
    return ""


def _name(top: ConfigView) -> Iterator[Finding]:
    """A missing name is filled in with that of the NAD."""
    value = top.value("name")
    if value is None or value == "":
        return
    if not isinstance(value, str):
        yield top.found(
            NETWORK_NAME, f"`name` is {value!r}, but it must be a string", "write it in quotes", "name"
        )
    elif not names.is_cni_name(value):
        problem = f"`name` {value!r} is not a valid network name; every CNI runtime refuses it"
        yield top.found(
            NETWORK_NAME,
            problem,
            "use letters, digits, '.', '_' and '-', and begin with a letter or digit",
            "name",
        )
    elif len(value) > _MAX_NAME:
        problem = f"`name` has more than {_MAX_NAME} characters; it is part of file names"
        yield top.found(
            NETWORK_NAME, problem, "shorten it", "name", severity=DENY if len(value) > 240 else WARN
        )


def _plugins(network: Network) -> Iterator[Finding]:
    top = network.top
    if not network.listed:
        return
    plugins = top.value("plugins")
    if not isinstance(plugins, list) or not plugins:
        what = (
            "an empty list" if plugins == [] else "an object" if isinstance(plugins, dict) else "not a list"
        )
        problem = f"`plugins` is {what}; it must be a list with at least one plugin"
        yield top.found(
            PLUGINS_SHAPE,
            problem,
            'write "plugins": [ { "type": … } ]',
            *(("plugins",) if plugins is not None else ()),
        )
    for item in top.items("plugins"):
        if not isinstance(item.node.value, dict):
            problem = "an element of `plugins` is not an object; each must be the configuration of one plugin"
            yield item.found(PLUGINS_SHAPE, problem, 'write { "type": … }')
    yield from _list_flags(top)
    yield from _misplaced(top)


def _list_flags(top: ConfigView) -> Iterator[Finding]:
    """As libcni reads them (conf.go: NetworkConfFromBytes): true, false, or one of these as a string in any case."""
    for key in _LIST_FLAGS:
        value = top.value(key)
        is_flag = isinstance(value, bool) or (isinstance(value, str) and value.lower() in {"true", "false"})
        if value is not None and not is_flag:
            problem = f"`{key}` is neither true nor false; CNI runtimes refuse the whole list"
            yield top.found(LIST_FLAG, problem, "write true or false, or remove it", key)


def _misplaced(top: ConfigView) -> Iterator[Finding]:
    """Keys next to `plugins` are read by the runtime alone; with a `type`, Multus runs one plugin, and not the list."""
    kind = top.text("type") or ""
    if kind:
        problem = f"`type` is next to `plugins`: nodes with netattach run the list, nodes with Multus only {shown(kind)}"
        fix = "remove `type`, and the other keys of that plugin; or remove `plugins`"
        yield top.found(KEY_MISPLACED, problem, fix, "type")
    for key, view in top.members().items():
        known = key in LIST_SCHEMA["properties"] or (kind and key in schema_types.COMMON)
        if not known and key != "type" and not key.startswith("_"):
            problem = f"`{key}` is next to `plugins`, where no plugin reads it"
            fix = "move it into the configuration of the plugin that should read it, or remove it"
            yield view.found(KEY_MISPLACED, problem, fix)


def _type(entry: Entry) -> Iterator[Finding]:
    """As libcni does, which refuses an empty name and a name with a slash."""
    if isinstance(entry.config.value("type"), str):
        yield from _type_name(entry.config, entry.type, "type", "macvlan")
    elif not entry.config.has("type"):
        yield _type_missing(entry.raw)
    if entry.ipam is not None and entry.ipam_type:
        yield from _type_name(entry.ipam, entry.ipam_type, "ipam.type", "host-local")
        if entry.ipam_plugin is None and main_plugin(canonical_name(entry.ipam_type)):
            problem = f"{entry.ipam_type} is not an IPAM plugin: it assigns no addresses, and ADD fails"
            yield entry.ipam.found(
                IPAM_TYPE, problem, "write host-local, static, dhcp or whereabouts", "type"
            )


def _type_name(view: ConfigView, kind: str, key: str, example: str) -> Iterator[Finding]:
    if not kind or "/" in kind:
        problem = f"`{key}` is {kind!r}; it must be the name of a plugin's binary, without a path"
        name = kind.rpartition("/")[2]
        fix = f'write "{names.shown(name)}"' if name else f'write a name such as "{example}"'
        yield view.found(TYPE_MISSING, problem, fix, "type")


def _type_missing(raw: ConfigView) -> Finding:
    problem, value = "no `type`: without the name of a plugin no pod can be attached", raw.node.value
    for key, found in value.items():
        if key.casefold() == "type":
            problem = f"`{key}` is null: without the name of a plugin no pod can be attached"
            return raw.found(TYPE_MISSING, problem, f'write the plugin\'s name: "{key}": "macvlan"', key)
        if meant := suggestions.closest(key, ("type", "plugins")):
            meant = "type" if isinstance(found, str) else meant
            problem = f"{problem}; there is `{key}` instead"
            return raw.found(TYPE_MISSING, problem, f"did you mean `{meant}`?", key)
    if inner := _nested_config(value):
        found = "a complete NetworkAttachmentDefinition" if inner[0] == "spec" else "another `config`"
        fix = f"replace all this with the value of `{path_text(inner)}`"
        return raw.found(TYPE_MISSING, f"{problem}; there is {found} instead", fix, *inner)
    return raw.found(TYPE_MISSING, problem, 'add the name of the plugin: "type": "macvlan"')


def _nested_config(value: Mapping[str, Any]) -> Path:
    """The path of the actual configuration inside an object that is used as one; empty where there is none."""
    spec, config = value.get("spec"), value.get("config")
    if isinstance(spec, dict):
        return ("spec", "config") if "config" in spec else ("spec",)
    return ("config",) if isinstance(config, dict | str) else ()


def misspelt_types(entry: Entry) -> Iterator[Finding]:
    """Unknown types that are similar to a known one; for use where no inventory lists the nodes' binaries."""
    for view, kind, ipam in ((entry.config, entry.type, False), (entry.ipam, entry.ipam_type, True)):
        close = meant_type(kind, ipam=ipam)
        if view is not None and close and not (main_plugin(kind) or ipam_plugin(kind)):
            problem = f"the plugin `{kind}` is not known, and its name is similar to `{close}`"
            yield view.found(TYPE_MISSPELT, problem, f"did you mean `{close}`?", "type")


def _position(entry: Entry, network: Network) -> Iterator[Finding]:
    """Chained plugins come after a main plugin, and there is one main plugin."""
    plugin, first = entry.plugin or partly_known_rules.of_type(entry.type), network.entries[0]
    if plugin is None:
        if entry.type and ipam_plugin(entry.type):
            problem = f"{entry.type} is an IPAM plugin: it creates no interface, and ADD fails"
            fix = f'write the name of a plugin such as macvlan here, and "ipam": {{"type": "{entry.type}"}}'
            yield entry.config.found(CHAINED_FIRST, problem, fix, "type")
        return
    if plugin.role is Role.CHAINED and not entry.context.chained:
        yield _chained_first(entry, network)
    follows = plugin.type in _MAY_FOLLOW and not entry.config.text("master")
    if plugin.role is Role.MAIN and not follows and entry.context.interface_exists:
        problem = (
            f"{plugin.type} creates an interface, and a plugin before it has created one with the same name"
        )
        fails = (
            first.type in CREATES_INTERFACE
            and not first.config.flag("disableContainerInterface")
            and _creates_named_interface(entry)
        )
        fix, severity = (
            "create a separate NetworkAttachmentDefinition for each interface",
            DENY if fails else None,
        )
        yield entry.config.found(
            MAIN_TWICE, f"{problem}: ADD fails" if fails else problem, fix, "type", severity=severity
        )


def _chained_first(entry: Entry, network: Network) -> Finding:
    problem = f"{entry.binary} changes the result of the plugin before it, and there is none: ADD fails"
    mains = (each for each in network.entries[1:] if each.plugin and each.plugin.role is Role.MAIN)
    main = next(mains, None)
    fix = 'write "plugins": [ … ] with a plugin that creates an interface before it'
    if main is not None:
        fix = f"move it after `{main.binary}`, which creates the interface"
    return entry.config.found(CHAINED_FIRST, problem, fix, "type")


def _creates_named_interface(entry: Entry) -> bool:
    """Whether the plugin certainly creates an interface named CNI_IFNAME; a device may be in user space instead."""
    return entry.type in CREATES_INTERFACE or (
        entry.type == "host-device" and bool(entry.config.text("device"))
    )


def _ipam(entry: Entry) -> Iterator[Finding]:
    """Some plugins require IPAM, others only before CNI 0.3.0; and `ipam` without a type is ignored."""
    plugin, config = entry.plugin, entry.config
    yield from _ipam_reset(entry)
    if plugin is None or plugin.role is not Role.MAIN or entry.ipam_type or _wrong_type(entry):
        return
    where = ("ipam",) if config.has("ipam") else ()
    if plugin.ipam is Ipam.REQUIRED and not (plugin.type == "ipvlan" and entry.context.chained):
        problem = f"{plugin.type} requires IPAM, and no IPAM plugin is configured: ADD fails"
        fix = 'add "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}, or another IPAM plugin'
        yield config.found(IPAM_MISSING, problem, fix, *where)
        return
    if entry.context.older_than("0.3.0") and plugin.type in NO_ADDRESS_WITHOUT_IPAM:
        version = entry.context.cni_version
        problem = f"without `ipam`, {plugin.type} cannot write its result in CNI version {version}: ADD fails"
        fix = 'write "cniVersion": "0.3.1" or newer, or add an `ipam`'
        # ovs may read the missing part from a file on the node.
        yield config.found(
            IPAM_MISSING, problem, fix, *where, severity=WARN if config.has("configuration_path") else None
        )
    if plugin.ipam is Ipam.OPTIONAL and entry.ipam is not None and entry.ipam.node.value:
        problem = f"`ipam` has no `type`, so {plugin.type} creates an interface without addresses and ignores the section"
        yield config.found(
            IPAM_TYPE_MISSING, problem, 'add "type": "host-local", or the intended IPAM plugin', *where
        )


def _ipam_reset(entry: Entry) -> Iterator[Finding]:
    """A null after the section, in another case of its key: the main plugin ignores it, these two lose their section."""
    last = next((m for m in reversed(entry.raw.node.members) if m.key.casefold() == "ipam"), None)
    if last is not None and last.node.value is None and entry.ipam_type in {"host-local", "static"}:
        problem = (
            f"`{last.key}` is null, which makes {entry.ipam_type} discard the section before it: ADD fails"
        )
        yield entry.config.found(IPAM_MISSING, problem, f"remove `{last.key}`", "ipam")


def _wrong_type(entry: Entry) -> bool:
    """Whether `ipam` or its type has the wrong JSON type, which the schema reports already."""
    if entry.ipam is None:
        return entry.config.has("ipam")
    return entry.ipam.has("type") and entry.ipam.text("type") is None


def _oldest_version(entry: Entry, network: Network) -> Iterator[Finding]:
    """The oldest CNI version that the plugin supports."""
    plugin = entry.plugin
    if plugin and entry.context.older_than(plugin.min_version) and _version_is_known(network.top):
        version = entry.context.cni_version
        problem = f"{plugin.type} does not support CNI version {version}, only {plugin.min_version} and newer: ADD fails"
        where: Path = ("cniVersion",) if network.top.has("cniVersion") else ()
        yield network.top.found(
            CNI_VERSION_OLD, problem, f'write "cniVersion": "{plugin.min_version}" or newer', *where
        )


def _capabilities(network: Network) -> Iterator[Finding]:
    """Only where the validator has the capabilities of each plugin of the list."""
    plugins = [plugin for entry in network.entries for plugin in _plugins_of(entry)]
    if any(plugin is None or plugin.capabilities is None for plugin in plugins):
        return
    read = frozenset[str]().union(*(plugin.capabilities or () for plugin in plugins if plugin))
    for entry in network.entries:
        for capability in sorted(entry.context.capabilities - read):
            problem = f"no plugin of this network reads the capability `{capability}`: what pods request with it is ignored"
            fix = f"remove it, or add a plugin that reads `{capability}`"
            yield entry.config.found(CAPABILITY_UNREAD, problem, fix, "capabilities", capability)


def _plugins_of(entry: Entry) -> tuple[Plugin | None, ...]:
    return (entry.plugin, entry.ipam_plugin) if entry.ipam_type else (entry.plugin,)


def _version_is_known(top: ConfigView) -> bool:
    """Whether the version exists or is missing; another one has been reported already."""
    return not top.has("cniVersion") or top.text("cniVersion") in {"", *versions.SUPPORTED}
