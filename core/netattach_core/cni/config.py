"""The CNI config of a network, a conflist or a single plugin, kept as the author's text (CNI SPEC, section 1).

The text is parsed to read it and spliced to pass it on, but never serialised again, so that a plugin gets the same bytes on DEL
as on ADD (Multus issue #1449).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.cni.versions import SUPPORTED, newest_supported
from netattach_core.errors import ConfigError
from netattach_core.text import json_document


@dataclass(frozen=True, slots=True)
class PluginConfig:
    """One plugin of a chain; `text` is its JSON object as the author wrote it."""

    type: str
    text: str
    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """A network: its plugins in the order of ADD. `only_inlined` is the key `loadOnlyInlinedPlugins` of CNI 1.1."""

    name: str
    cni_version: str
    plugins: tuple[PluginConfig, ...]
    disable_check: bool = False
    only_inlined: bool = False

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities that any plugin of the list declares."""
        return frozenset().union(*(plugin.capabilities for plugin in self.plugins))


@functools.lru_cache(maxsize=512)  # all pods of a node use the same few networks
def parse(text: str, default_name: str = "") -> NetworkConfig:
    """Reads a single plugin (`type`) or a conflist (`plugins`); `default_name` is used if `name` is missing.

    That is the name of the NAD (Kubernetes Network Plumbing Working Group spec, section 3.4.2). Raises ConfigError for a config
    that cannot be executed; whether it makes sense is for the validator to decide.
    """
    root = _object(text)
    name = _typed(root, "name", str, "") or default_name
    if not name:
        raise ConfigError("the network config has no name")
    return NetworkConfig(
        name=name,
        cni_version=_cni_version(root),
        plugins=_plugins(text, root),
        disable_check=str(root.value.get("disableCheck", False)).lower() == "true",
        only_inlined=root.value.get("loadOnlyInlinedPlugins") is True,
    )


def with_plugins(text: str, more: Sequence[str]) -> str:
    """The conflist with more plugins appended, each the text of a JSON object.

    That is what libcni does with the files in `<network name>/` (CNI SPEC 1.1, `loadOnlyInlinedPlugins`). Raises ConfigError if
    the text is not a conflist.
    """
    root = _object(text)
    listed = json_document.locate(root, ("plugins",))
    if listed is None or not listed.items:
        raise ConfigError("plugins must be a list with at least one plugin")
    end = listed.items[-1].end
    return "".join((text[:end], *(f", {plugin.strip()}" for plugin in more), text[end:]))


def plugin_stdin(
    network: NetworkConfig,
    plugin: PluginConfig,
    runtime_config: Mapping[str, Any],
    cni_args: Mapping[str, Any],
) -> str:
    """What the plugin gets on standard input, without prevResult (CNI SPEC, section 3, "Deriving request configuration").

    `runtimeConfig` has the offered values of the capabilities that the plugin declares; the pod's cni-args override `args.cni`
    (Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.6.2). Keys that only a runtime may set are removed from the
    author's text: a NAD must not inject values of capabilities.
    """
    stdin = _static_part(network, plugin)
    if cni_args:
        stdin = json_document.with_members(stdin, {"args": _merged_args(stdin, cni_args)})
    offered = {key: value for key, value in runtime_config.items() if key in plugin.capabilities}
    return _with_member(stdin, "runtimeConfig", json.dumps(offered)) if offered else stdin


@functools.lru_cache(maxsize=512)  # as above
def _static_part(network: NetworkConfig, plugin: PluginConfig) -> str:
    """The author's text without the keys that only a runtime may set, in any case: Go also reads `RUNTIMECONFIG`."""
    written = json_document.parse(plugin.text).members
    changes: dict[str, str | None] = {
        "cniVersion": json.dumps(network.cni_version),
        "name": json.dumps(network.name),
    }
    changes |= {m.key: None for m in written if m.key not in changes and m.key.casefold() in _RUNTIME_KEYS}
    return json_document.integral_numbers(json_document.with_members(plugin.text, changes))


def with_previous(stdin: str, previous_result: str | None) -> str:
    """The standard input with prevResult as its first key."""
    return stdin if previous_result is None else _with_member(stdin, "prevResult", previous_result)


def with_device(text: str, device: str) -> str:
    """A network's config with `deviceID` and `pciBusID` in each plugin, as in Multus (`conf.go: delegateAddDeviceID`)."""
    listed = json_document.locate(json_document.parse(text), ("plugins",))
    if listed is None:
        return _with_device(text, device)
    plugins = (_with_device(text[each.start : each.end], device) for each in listed.items)
    return json_document.with_members(text, {"plugins": f"[{','.join(plugins)}]"})


def _with_device(plugin_text: str, device: str) -> str:
    """Replaces existing values, whatever the case of their keys."""
    written = json_document.parse(plugin_text).members
    changes: dict[str, str | None] = {
        m.key: None for m in written if m.key.casefold() in {"deviceid", "pcibusid"}
    }
    return json_document.with_members(
        plugin_text, changes | dict.fromkeys(("deviceID", "pciBusID"), json.dumps(device))
    )


def _with_member(stdin: str, key: str, value: str) -> str:
    """Adds a first member; the object already has at least one."""
    return f'{{"{key}":{value},{stdin[1:]}'


def _object(text: str) -> json_document.Node:
    try:
        root = json_document.parse(text)
    except json_document.JsonTextError as error:
        line, column = json_document.position(text, error.offset)
        raise ConfigError(f"line {line}, column {column}: {error.problem}; {error.fix}") from error
    if not isinstance(root.value, dict):
        raise ConfigError("the config is not a JSON object")
    return root


def _cni_version(body: json_document.Node) -> str:
    """The newest supported version of `cniVersion` and `cniVersions`; 0.1.0 if missing (CNI SPEC, section 1)."""
    single = _typed(body, "cniVersion", str, "") or SUPPORTED[0]
    version = newest_supported([single, *_typed(body, "cniVersions", list, [])])
    if version is None:
        raise ConfigError(
            f"cniVersion {single!r} is not supported; supported versions: {', '.join(SUPPORTED)}"
        )
    return version


def _plugins(text: str, root: json_document.Node) -> tuple[PluginConfig, ...]:
    listed = json_document.locate(root, ("plugins",))
    if listed is None:
        return (_plugin(text, root),)
    if not listed.items:
        raise ConfigError("plugins must be a list with at least one plugin")
    return tuple(_plugin(text, node) for node in listed.items)


def _plugin(text: str, node: json_document.Node) -> PluginConfig:
    if not isinstance(node.value, dict):
        raise ConfigError("a plugin is not a JSON object")
    kind = _typed(node, "type", str, "")
    if not kind or "/" in kind or not kind.isprintable():
        raise ConfigError(f"plugin type {kind!r} is not a valid name of a plugin binary")
    declared = _typed(node, "capabilities", dict, {})
    return PluginConfig(
        kind, text[node.start : node.end], frozenset(key for key, on in declared.items() if on is True)
    )


def _merged_args(plugin_text: str, cni_args: Mapping[str, Any]) -> str:
    """The plugin's `args`, with the pod's cni-args merged into `args.cni`; all other bytes stay the same."""
    root = json_document.parse(plugin_text)
    args, cni = (
        _text_of(plugin_text, json_document.locate(root, path)) for path in (("args",), ("args", "cni"))
    )
    merged = json_document.with_members(cni, {key: json.dumps(value) for key, value in cni_args.items()})
    return json_document.with_members(args, {"cni": merged})


def _text_of(text: str, node: json_document.Node | None) -> str:
    return text[node.start : node.end] if node is not None and isinstance(node.value, dict) else "{}"


_TYPE_NAMES: dict[type, str] = {str: "a string", list: "a list", dict: "an object"}


_RUNTIME_KEYS = {"cniversion", "name", "runtimeconfig", "prevresult", "capabilities"}
"""Keys that netattach sets as the runtime, case-folded."""


def _typed(body: json_document.Node, key: str, kind: type, absent: Any) -> Any:
    """The value of a key, as Go reads it: of all spellings, the last one in the text that is not null.

    `validation.plugin_chain` reads `type` in the same way: what is validated has to be what runs.
    """
    values = (
        member.node.value
        for member in reversed(body.members)
        if json_document.folded(member.key) == key.casefold()
    )
    value = next((each for each in values if each is not None), None)
    if value is None:
        return absent
    if not isinstance(value, kind):
        raise ConfigError(f"{key} must be {_TYPE_NAMES[kind]}, not {json.dumps(value)}")
    return value
