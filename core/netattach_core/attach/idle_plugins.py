"""Plugins without anything to do in a call: portmap without port mappings, bandwidth without limits.

On ADD they print the previous result, on DEL they do nothing, so their program need not be started. CHECK is different: bandwidth
looks for the node's end of the pod's veth pair, with limits or without.

Sources: `cmdAdd`, `cmdDel` and `parseConfig` in `plugins/meta/portmap/main.go` and `plugins/meta/bandwidth/main.go` of the
reference plugins 1.9.1. What `parseConfig` may refuse, or what depends on the node, is for the program: a key that is not listed
here, a value of another type, a key twice or in another case (Go reads `SNAT` as `snat`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_core.cni import config as cni_config
from netattach_core.cni import versions
from netattach_core.cni.config import NetworkConfig, PluginConfig
from netattach_core.text import json_document


@dataclass(frozen=True, slots=True)
class Work:
    """What gives a plugin something to do: the value of a capability. Absent, null and the text `empty` mean nothing."""

    capability: str
    empty: str

    def is_in(self, runtime_config: Mapping[str, Any]) -> bool:
        """Whether the runtime's values have any."""
        value = runtime_config.get(self.capability)
        return value is not None and json.dumps(value) != self.empty


_IsHarmless = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class _Idler:
    """A plugin that may have nothing to do, and the keys of its config that do not change that."""

    work: Work
    keys: Mapping[str, _IsHarmless] = field(default_factory=dict)


def _is_bool(value: Any) -> bool:
    return type(value) is bool


def _is_mark_bit(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 31


def _is_backend(value: Any) -> bool:
    return value in ("iptables", "nftables")


_IDLERS: Mapping[str, _Idler] = {
    "portmap": _Idler(
        Work("portMappings", "[]"),
        {"snat": _is_bool, "masqAll": _is_bool, "markMasqBit": _is_mark_bit, "backend": _is_backend},
    ),
    "bandwidth": _Idler(Work("bandwidth", "{}")),
}

_LONGEST = 1024
"""Characters of a plugin's config: reading a longer one would take longer than to start the program."""

_COMMON = {"cniVersion", "name", "type"}
"""Keys that every plugin gets and that netattach has read itself."""


@functools.lru_cache(maxsize=512)  # the same few networks for all pods of a node
def work_of(network: NetworkConfig, index: int) -> Work | None:
    """The one input of the plugin at `index` in the chain; None for a plugin whose program has to be started always."""
    plugin = network.plugins[index]
    idler = _IDLERS.get(plugin.type)
    if idler is None or len(plugin.text) > _LONGEST:
        return None
    if index == 0 or not versions.at_least(network.cni_version, "0.3.0"):
        return None  # without a previous result both fail; before 0.3.0 there is none in the specification
    stdin = cni_config.plugin_stdin(network, plugin, {}, {})
    known = _has_only_known_keys(stdin, idler) and _declares_exactly(plugin, idler.work)
    return idler.work if known else None


def is_idle(network: NetworkConfig, index: int, runtime_config: Mapping[str, Any]) -> bool:
    """Whether the plugin at `index` does nothing on ADD, nor on the DEL of that ADD."""
    work = work_of(network, index)
    if work is None:
        return False
    return work.capability not in network.plugins[index].capabilities or not work.is_in(runtime_config)


def _has_only_known_keys(stdin: str, idler: _Idler) -> bool:
    members = json_document.parse(stdin).members
    keys = [member.key for member in members]
    return len(set(keys)) == len(keys) and all(
        key in _COMMON or (key in idler.keys and idler.keys[key](member.node.value))
        for key, member in zip(keys, members, strict=True)
    )


def _declares_exactly(plugin: PluginConfig, work: Work) -> bool:
    """Go would also read the value of a capability that is spelled in another case."""
    same = work.capability.casefold()
    return all(each == work.capability or each.casefold() != same for each in plugin.capabilities)
