"""A network's configuration: conf or conflist, kept as the author's text (cni-spec section 2).

The text is parsed to be understood and spliced to be handed on; it is never written anew, so that a plugin gets on DEL the
very bytes that it got on ADD (Multus #1449).
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
    """A network: its chain of plugins, in the order of ADD."""

    name: str
    cni_version: str
    plugins: tuple[PluginConfig, ...]
    disable_check: bool = False
    only_inlined: bool = False

    @property
    def capabilities(self) -> frozenset[str]:
        """All that any plugin of the chain declares."""
        return frozenset().union(*(plugin.capabilities for plugin in self.plugins))


@functools.lru_cache(maxsize=512)  # the same few networks for all pods of a node
def parse(text: str, default_name: str = "") -> NetworkConfig:
    """Reads a conf (`type`) or a conflist (`plugins`); `default_name` stands in for a missing name (S14).

    Raises ConfigError for what cannot be carried out; whether it makes sense is the validator's question.
    """
    root = _object(text)
    name = _typed(root.value, "name", str, "") or default_name
    if not name:
        raise ConfigError("the network has no name")
    return NetworkConfig(
        name=name,
        cni_version=_cni_version(root.value),
        plugins=_plugins(text, root),
        disable_check=str(root.value.get("disableCheck", False)).lower() == "true",
        only_inlined=root.value.get("loadOnlyInlinedPlugins") is True,
    )


def with_plugins(text: str, more: Sequence[str]) -> str:
    """A conflist with plugins behind its own, each a JSON object as its author wrote it (cni-spec 1.1, `loadOnlyInlinedPlugins`).

    Raises ConfigError where it is no conflist.
    """
    root = _object(text)
    listed = json_document.locate(root, ("plugins",))
    if listed is None or not listed.items:
        raise ConfigError("plugins is not a list with at least one plugin")
    end = listed.items[-1].end
    return "".join((text[:end], *(f", {plugin.strip()}" for plugin in more), text[end:]))


def plugin_stdin(
    network: NetworkConfig,
    plugin: PluginConfig,
    runtime_config: Mapping[str, Any],
    cni_args: Mapping[str, Any],
) -> str:
    """What the plugin gets on standard input, but for prevResult (cni-spec C56, C57, S37, S38).

    Keys that only a runtime may set are taken out of the author's text: a NAD must not inject capability values (C11).
    """
    stdin = _authors_part(network, plugin)
    if cni_args:
        stdin = json_document.with_members(stdin, {"args": _merged_args(stdin, cni_args)})
    offered = {key: value for key, value in runtime_config.items() if key in plugin.capabilities}
    return _with_member(stdin, "runtimeConfig", json.dumps(offered)) if offered else stdin


@functools.lru_cache(maxsize=512)  # as above
def _authors_part(network: NetworkConfig, plugin: PluginConfig) -> str:
    """Without what only a runtime may set, in whatever case: Go reads `RUNTIMECONFIG` as well (C15)."""
    written = json_document.parse(plugin.text).members
    changes: dict[str, str | None] = {
        "cniVersion": json.dumps(network.cni_version),
        "name": json.dumps(network.name),
    }
    changes |= {m.key: None for m in written if m.key not in changes and m.key.casefold() in _RUNTIMES}
    return json_document.integral_numbers(json_document.with_members(plugin.text, changes))


def with_previous(stdin: str, previous_result: str | None) -> str:
    """The standard input with prevResult at its front."""
    return stdin if previous_result is None else _with_member(stdin, "prevResult", previous_result)


def with_device(text: str, device: str) -> str:
    """A network's text with the device in each of its plugins, under both names that plugins know (multus section 1.7)."""
    listed = json_document.locate(json_document.parse(text), ("plugins",))
    if listed is None:
        return _with_device(text, device)
    plugins = (_with_device(text[each.start : each.end], device) for each in listed.items)
    return json_document.with_members(text, {"plugins": f"[{','.join(plugins)}]"})


def _with_device(plugin_text: str, device: str) -> str:
    """In the place of what stood there, in whatever case."""
    written = json_document.parse(plugin_text).members
    changes: dict[str, str | None] = {
        m.key: None for m in written if m.key.casefold() in {"deviceid", "pcibusid"}
    }
    return json_document.with_members(
        plugin_text, changes | dict.fromkeys(("deviceID", "pciBusID"), json.dumps(device))
    )


def _with_member(stdin: str, key: str, value: str) -> str:
    """A member put in front; there is always one behind it."""
    return f'{{"{key}":{value},{stdin[1:]}'


def _object(text: str) -> json_document.Node:
    try:
        root = json_document.parse(text)
    except json_document.JsonTextError as error:
        line, column = json_document.position(text, error.offset)
        raise ConfigError(f"line {line}, column {column}: {error.problem}; {error.fix}") from error
    if not isinstance(root.value, dict):
        raise ConfigError("the configuration is not a JSON object")
    return root


def _cni_version(body: Mapping[str, Any]) -> str:
    """The highest of `cniVersion` and `cniVersions` that we speak; missing means 0.1.0 (C3, C4)."""
    single = _typed(body, "cniVersion", str, "") or SUPPORTED[0]
    version = newest_supported([single, *_typed(body, "cniVersions", list, [])])
    if version is None:
        raise ConfigError(f"cniVersion {single!r} is none of {', '.join(SUPPORTED)}")
    return version


def _plugins(text: str, root: json_document.Node) -> tuple[PluginConfig, ...]:
    listed = json_document.locate(root, ("plugins",))
    if listed is None:
        return (_plugin(text, root),)
    if not listed.items:
        raise ConfigError("plugins is not a list with at least one plugin")
    return tuple(_plugin(text, node) for node in listed.items)


def _plugin(text: str, node: json_document.Node) -> PluginConfig:
    if not isinstance(node.value, dict):
        raise ConfigError("a plugin is not a JSON object")
    kind = _typed(node.value, "type", str, "")
    if not kind or "/" in kind or not kind.isprintable():
        raise ConfigError(f"a plugin's type is {kind!r}; it has to be the name of a binary")
    declared = _typed(node.value, "capabilities", dict, {})
    return PluginConfig(
        kind, text[node.start : node.end], frozenset(key for key, on in declared.items() if on is True)
    )


def _merged_args(plugin_text: str, cni_args: Mapping[str, Any]) -> str:
    """The plugin's `args` with the pod's cni-args over `args.cni`; everything else of it keeps its bytes."""
    root = json_document.parse(plugin_text)
    args, cni = (
        _text_of(plugin_text, json_document.locate(root, path)) for path in (("args",), ("args", "cni"))
    )
    merged = json_document.with_members(cni, {key: json.dumps(value) for key, value in cni_args.items()})
    return json_document.with_members(args, {"cni": merged})


def _text_of(text: str, node: json_document.Node | None) -> str:
    return text[node.start : node.end] if node is not None and isinstance(node.value, dict) else "{}"


_WANTED: dict[type, str] = {str: "a text", list: "a list", dict: "an object"}


_RUNTIMES = {"cniversion", "name", "runtimeconfig", "prevresult", "capabilities"}
"""Keys that a plugin gets from us, case-folded."""


def _typed(body: Mapping[str, Any], key: str, kind: type, absent: Any) -> Any:
    """A key's value; of keys that differ in case only the last one counts, as in Go."""
    value = next((body[k] for k in reversed(list(body)) if k.casefold() == key.casefold()), None)
    if value is None:
        return absent
    if not isinstance(value, kind):
        raise ConfigError(f"{key} has to be {_WANTED[kind]}, not {json.dumps(value)}")
    return value
