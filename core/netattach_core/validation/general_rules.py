"""Rule group 3, for every configuration: type, plugins, version, name, the order of plugins (plugin-schemas, section 1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.cni import versions
from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.net import names
from netattach_core.plugins import ipam_plugin, known_types, main_plugin
from netattach_core.plugins.plugin import Ipam, Plugin, Role
from netattach_core.plugins.view import View
from netattach_core.text import suggestions
from netattach_core.text.finding import Finding, Path, Rule, Severity, path_text
from netattach_core.validation.plugin_chain import BARE_WITHOUT_IPAM, LIST_SCHEMA, MAKES_LINK, Entry, Network

DENY, WARN = Severity.DENY, Severity.WARN

TYPE_MISSING = Rule("type-missing", DENY, "a configuration that names no plugin")
TYPE_MISSPELT = Rule("type-misspelt", WARN, "a plugin's name that looks like another one's")
PLUGINS_SHAPE = Rule("plugins-shape", DENY, "`plugins` is no list of plugin configurations")
CNI_VERSION = Rule("cni-version", DENY, "a version of CNI that does not exist")
CNI_VERSION_MISSING = Rule("cni-version-missing", WARN, "no version of CNI, which means the oldest")
CNI_VERSION_OLD = Rule("cni-version-too-old", DENY, "a version of CNI that the plugin no longer speaks")
NAME = Rule("network-name", DENY, "a network name that no runtime takes")
CHAINED_FIRST = Rule("chained-first", DENY, "a plugin that needs another one before it")
MAIN_TWICE = Rule("main-twice", WARN, "two plugins that each make the pod's interface")
LIST_FLAG = Rule("list-flag", DENY, "a setting of the whole list that is neither true nor false")
IPAM_MISSING = Rule("ipam-missing", DENY, "no addresses for a plugin that needs them")
IPAM_TYPE = Rule("ipam-type", DENY, "an `ipam.type` that gives no addresses")
IPAM_TYPE_MISSING = Rule("ipam-type-missing", WARN, "an ipam section without a type")
KEY_MISPLACED = Rule("key-misplaced", WARN, "a key beside `plugins`, where nobody reads it")

CAPABILITY_UNREAD = Rule("capability-unread", WARN, "a capability that no plugin of the network reads")

RULES = (
    CAPABILITY_UNREAD,
    TYPE_MISSING,
    TYPE_MISSPELT,
    PLUGINS_SHAPE,
    CNI_VERSION,
    CNI_VERSION_MISSING,
    CNI_VERSION_OLD,
    NAME,
    CHAINED_FIRST,
    MAIN_TWICE,
    LIST_FLAG,
    IPAM_MISSING,
    IPAM_TYPE,
    IPAM_TYPE_MISSING,
    KEY_MISPLACED,
)

_MAY_FOLLOW = {"ipvlan", "cilium-cni"}
"""Main plugins that also work on the interface of one before them; ipvlan where it has no `master`."""

_LIST_FLAGS = ("disableCheck", "disableGC", "loadOnlyInlinedPlugins")

_LATELY_WRITES_NONE = {"sriov", "ib-sriov", "bond", "macvtap"}
"""Those whose newer releases fail to write a result without addresses before 0.3.0; older ones wrote a version of their own."""

_MAX_NAME = 150
"""Beyond it file names of caches and leases come too near to the file system's 255 bytes (G5)."""


def check(network: Network) -> Iterator[Finding]:
    """What holds whatever the plugins are."""
    yield from _cni_version(network)
    yield from _name(network.top)
    yield from _plugins(network)
    for entry in network.entries:
        yield from _type(entry)
        yield from _place(entry, network.entries[0])
        yield from _ipam(entry)
        yield from _floor(entry, network)
    yield from _capabilities(network)


def _cni_version(network: Network) -> Iterator[Finding]:
    """G7, G8."""
    top, value = network.top, network.top.value("cniVersion")
    offered = [text for _, text in top.texts("cniVersions")]
    if value is None or value == "":
        if not offered:
            problem = "no `cniVersion`, which means 0.1.0: the network cannot be checked, and a pod gets one address of each kind"
            yield top.found(CNI_VERSION_MISSING, problem + _unwritable(network), 'add "cniVersion": "1.0.0"')
    elif (
        isinstance(value, str) and value not in versions.SUPPORTED and not versions.newest_supported(offered)
    ):
        problem = f"`cniVersion` {value!r} is no version of CNI; every plugin refuses it"
        yield top.found(CNI_VERSION, problem, f"write one of {', '.join(versions.SUPPORTED)}", "cniVersion")
    elif not isinstance(value, str):
        problem = f"`cniVersion` is {value!r}, but it has to be a text"
        yield top.found(
            CNI_VERSION, problem, f"write it in quotes: one of {', '.join(versions.SUPPORTED)}", "cniVersion"
        )


def _unwritable(network: Network) -> str:
    """G9, of the plugins that are not denied for it."""
    for entry in network.entries:
        if entry.type in _LATELY_WRITES_NONE and not entry.ipam_type:
            return f"; without `ipam`, {entry.type} may not be able to write its result then, so that newer releases fail"
    return ""


def _name(top: View) -> Iterator[Finding]:
    """G5. A missing name is the NAD's own."""
    value = top.value("name")
    if value is None or value == "":
        return
    if not isinstance(value, str):
        yield top.found(NAME, f"`name` is {value!r}, but it has to be a text", "write it in quotes", "name")
    elif not names.is_cni_name(value):
        problem = f"`name` {value!r} is no name of a network; every CNI runtime refuses it"
        yield top.found(
            NAME, problem, "write letters, digits, '.', '_' and '-', and begin with a letter or digit", "name"
        )
    elif len(value) > _MAX_NAME:
        problem = f"`name` has more than {_MAX_NAME} characters; files are named after it"
        yield top.found(NAME, problem, "shorten it", "name", severity=DENY if len(value) > 240 else WARN)


def _plugins(network: Network) -> Iterator[Finding]:
    top = network.top
    if not network.listed:
        return
    plugins = top.value("plugins")
    if not isinstance(plugins, list) or not plugins:
        what = "an empty list" if plugins == [] else "an object" if isinstance(plugins, dict) else "no list"
        problem = f"`plugins` is {what}; it has to be a list with at least one plugin"
        yield top.found(
            PLUGINS_SHAPE,
            problem,
            'write "plugins": [ { "type": … } ]',
            *(("plugins",) if plugins is not None else ()),
        )
    for item in top.items("plugins"):
        if not isinstance(item.node.value, dict):
            problem = "an element of `plugins` is no object; each is the configuration of one plugin"
            yield item.found(PLUGINS_SHAPE, problem, 'write { "type": … }')
    yield from _list_flags(top)
    yield from _misplaced(top)


def _list_flags(top: View) -> Iterator[Finding]:
    """As libcni reads them (conf.go: NetworkConfFromBytes): true, false, or one of these as text, in whatever case."""
    for key in _LIST_FLAGS:
        value = top.value(key)
        is_flag = isinstance(value, bool) or (isinstance(value, str) and value.lower() in {"true", "false"})
        if value is not None and not is_flag:
            problem = f"`{key}` is neither true nor false; CNI runtimes refuse the whole list"
            yield top.found(LIST_FLAG, problem, "write true or false, or remove it", key)


def _misplaced(top: View) -> Iterator[Finding]:
    """What stands beside `plugins` is for the runtime."""
    for key, view in top.members().items():
        if key not in LIST_SCHEMA["properties"] and not key.startswith("_"):
            problem = f"`{key}` stands beside `plugins`, where no plugin reads it"
            fix = "move it into the plugin that it is meant for, or remove it"
            yield view.found(KEY_MISPLACED, problem, fix)


def _type(entry: Entry) -> Iterator[Finding]:
    """G14."""
    if isinstance(entry.conf.value("type"), str):
        yield from _type_name(entry.conf, entry.type, "type", "macvlan")
    elif not entry.conf.has("type"):
        yield _type_missing(entry.raw)
    if entry.ipam is not None and entry.ipam_type:
        yield from _type_name(entry.ipam, entry.ipam_type, "ipam.type", "host-local")
        if entry.ipam_plugin is None and main_plugin(canonical_name(entry.ipam_type)):
            problem = f"{entry.ipam_type} is no IPAM plugin: it gives no addresses, and fails when it is asked for some"
            yield entry.ipam.found(
                IPAM_TYPE, problem, "write host-local, static, dhcp or whereabouts", "type"
            )


def _type_name(view: View, kind: str, key: str, such_as: str) -> Iterator[Finding]:
    if not kind or "/" in kind:
        problem = f"`{key}` is {kind!r}; it has to be the name of a plugin's binary, without a path"
        name = kind.rpartition("/")[2]
        fix = f'write "{names.shown(name)}"' if name else f'write a name such as "{such_as}"'
        yield view.found(TYPE_MISSING, problem, fix, "type")


def _type_missing(raw: View) -> Finding:
    problem, value = "no `type`, so no plugin is named and the network cannot be made", raw.node.value
    for key, found in value.items():
        if key.casefold() == "type":
            problem = f"`{key}` is null, so no plugin is named and the network cannot be made"
            return raw.found(TYPE_MISSING, problem, f'write the plugin\'s name: "{key}": "macvlan"', key)
        if meant := suggestions.closest(key, ("type", "plugins")):
            meant = "type" if isinstance(found, str) else meant
            problem = f"{problem}; `{key}` stands there instead"
            return raw.found(TYPE_MISSING, problem, f"did you mean `{meant}`?", key)
    if inner := _too_deep(value):
        whole = "a whole NetworkAttachmentDefinition" if inner[0] == "spec" else "`config` once more"
        fix = f"write only what stands in its `{path_text(inner)}`, in place of all this"
        return raw.found(TYPE_MISSING, f"{problem}; {whole} stands there instead", fix, *inner)
    return raw.found(TYPE_MISSING, problem, 'add the plugin: "type": "macvlan"')


def _too_deep(value: Mapping[str, Any]) -> Path:
    """Where the configuration stands in what was taken for one; empty where it does not."""
    spec, config = value.get("spec"), value.get("config")
    if isinstance(spec, dict):
        return ("spec", "config") if "config" in spec else ("spec",)
    return ("config",) if isinstance(config, dict | str) else ()


def misspelt(entry: Entry) -> Iterator[Finding]:
    """Types that look like a known one; asked only where no node says which binaries there are."""
    for view, kind, ipam in ((entry.conf, entry.type, False), (entry.ipam, entry.ipam_type, True)):
        known = known_types(ipam=ipam)
        close = suggestions.closest(kind, known) if kind and kind not in known else None
        if view is not None and close and not (main_plugin(kind) or ipam_plugin(kind)):
            problem = f"the plugin `{kind}` is not known, and its name looks like `{close}`"
            yield view.found(TYPE_MISSPELT, problem, f"did you mean `{close}`?", "type")


def _place(entry: Entry, first: Entry) -> Iterator[Finding]:
    """G12, G13."""
    plugin = entry.plugin
    if plugin is None:
        if entry.type and ipam_plugin(entry.type):
            problem = f"{entry.type} gives addresses; it makes no interface and fails in this place"
            fix = f'name a plugin such as macvlan here, and write "ipam": {{"type": "{entry.type}"}}'
            yield entry.conf.found(CHAINED_FIRST, problem, fix, "type")
        return
    if plugin.role is Role.CHAINED and not entry.context.chained:
        problem = f"{plugin.type} changes what a plugin before it has made, and there is none: it fails"
        fix = 'write "plugins": [ … ] with a plugin that makes an interface in front of it'
        yield entry.conf.found(CHAINED_FIRST, problem, fix, "type")
    follows = plugin.type in _MAY_FOLLOW and not entry.conf.text("master")
    if plugin.role is Role.MAIN and not follows and entry.context.interface_exists:
        problem = f"{plugin.type} makes an interface, and a plugin before it has made one with the same name"
        fails = (
            first.type in MAKES_LINK
            and not first.conf.flag("disableContainerInterface")
            and _brings_one(entry)
        )
        fix, severity = "give each interface a NAD of its own", DENY if fails else None
        yield entry.conf.found(
            MAIN_TWICE, f"{problem}: it fails" if fails else problem, fix, "type", severity=severity
        )


def _brings_one(entry: Entry) -> bool:
    """Whether the plugin surely gives an interface the name that it is called with; a device may be one of user space."""
    return entry.type in MAKES_LINK or (entry.type == "host-device" and bool(entry.conf.text("device")))


def _ipam(entry: Entry) -> Iterator[Finding]:
    """G9, G36, IV3, VL5, PT1."""
    plugin, conf = entry.plugin, entry.conf
    yield from _ipam_taken_back(entry)
    if plugin is None or plugin.role is not Role.MAIN or entry.ipam_type or _wrong_type(entry):
        return
    where = ("ipam",) if conf.has("ipam") else ()
    if plugin.ipam is Ipam.REQUIRED and not (plugin.type == "ipvlan" and entry.context.chained):
        problem = f"{plugin.type} needs addresses, and no IPAM plugin is named: it fails"
        fix = 'add "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}, or another IPAM'
        yield conf.found(IPAM_MISSING, problem, fix, *where)
        return
    if entry.context.older_than("0.3.0") and plugin.type in BARE_WITHOUT_IPAM:
        version = entry.context.cni_version
        problem = f"without `ipam`, the result of {plugin.type} cannot be written in CNI {version}: it fails"
        fix = 'write "cniVersion": "0.3.1" or newer, or add an `ipam`'
        # A file that ovs reads on the node may bring what is missing.
        yield conf.found(
            IPAM_MISSING, problem, fix, *where, severity=WARN if conf.has("configuration_path") else None
        )
    if plugin.ipam is Ipam.OPTIONAL and entry.ipam is not None and entry.ipam.node.value:
        problem = f"`ipam` has no `type`, so {plugin.type} makes an interface without addresses and reads nothing of it"
        yield conf.found(
            IPAM_TYPE_MISSING, problem, 'add "type": "host-local", or the IPAM that is meant', *where
        )


def _ipam_taken_back(entry: Entry) -> Iterator[Finding]:
    """A null after the section, under another spelling of its key: the main plugin passes over it, these two forget theirs."""
    last = next((m for m in reversed(entry.raw.node.members) if m.key.casefold() == "ipam"), None)
    if last is not None and last.node.value is None and entry.ipam_type in {"host-local", "static"}:
        problem = (
            f"`{last.key}` is null, and for {entry.ipam_type} that takes back the section before it: it fails"
        )
        yield entry.conf.found(IPAM_MISSING, problem, f"remove `{last.key}`", "ipam")


def _wrong_type(entry: Entry) -> bool:
    """Whether `ipam`, or its type, is of the wrong type, which the schema has said already."""
    if entry.ipam is None:
        return entry.conf.has("ipam")
    return entry.ipam.has("type") and entry.ipam.text("type") is None


def _floor(entry: Entry, network: Network) -> Iterator[Finding]:
    """G10."""
    plugin = entry.plugin
    if plugin and entry.context.older_than(plugin.min_version) and _version_is_plain(network.top):
        problem = f"{plugin.type} does not speak CNI {entry.context.cni_version}, only {plugin.min_version} and newer: it fails"
        where: Path = ("cniVersion",) if network.top.has("cniVersion") else ()
        yield network.top.found(
            CNI_VERSION_OLD, problem, f'write "cniVersion": "{plugin.min_version}" or newer', *where
        )


def _capabilities(network: Network) -> Iterator[Finding]:
    """G18. Only where it is known of each plugin of the list what it reads."""
    plugins = [plugin for entry in network.entries for plugin in _plugins_of(entry)]
    if any(plugin is None or plugin.capabilities is None for plugin in plugins):
        return
    read = frozenset[str]().union(*(plugin.capabilities or () for plugin in plugins if plugin))
    for entry in network.entries:
        for capability in sorted(entry.context.capabilities - read):
            problem = f"no plugin of this network reads the capability `{capability}`: what a pod asks for by it is lost"
            fix = f"remove it, or add a plugin that reads `{capability}`"
            yield entry.conf.found(CAPABILITY_UNREAD, problem, fix, "capabilities", capability)


def _plugins_of(entry: Entry) -> tuple[Plugin | None, ...]:
    return (entry.plugin, entry.ipam_plugin) if entry.ipam_type else (entry.plugin,)


def _version_is_plain(top: View) -> bool:
    """Whether the version is one that exists, or none; another one has been refused already."""
    return not top.has("cniVersion") or top.text("cniVersion") in {"", *versions.SUPPORTED}
