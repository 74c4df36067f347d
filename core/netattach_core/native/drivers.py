"""Which plugins have a native driver, and whether it understands a call: else the program runs, which stays the truth."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from netattach_core.cni import config as cni_config
from netattach_core.cni import request as cni_request
from netattach_core.cni import versions
from netattach_core.cni.config import NetworkConfig, PluginConfig
from netattach_core.native import (
    bridge,
    config,
    dummy,
    gateway_addresses,
    host_device,
    ipam,
    ipvlan,
    macvlan,
    ptp,
    strict,
    tuning,
    vlan,
)
from netattach_core.native.config import Config
from netattach_core.native.plugin_types import TUNING
from netattach_core.native.recipe import Link, Recipe, Tuning
from netattach_core.native.strict import NotUnderstoodError
from netattach_core.text.json_document import JsonTextError

_DRIVERS: Mapping[str, tuple[Collection[str], Callable[[Config], Link]]] = {
    "bridge": (bridge.KEYS, bridge.read),
    "dummy": (dummy.KEYS, dummy.read),
    "host-device": (host_device.KEYS, host_device.read),
    "ipvlan": (ipvlan.KEYS, ipvlan.read),
    "macvlan": (macvlan.KEYS, macvlan.read),
    "ptp": (ptp.KEYS, ptp.read),
    "vlan": (vlan.KEYS, vlan.read),
}

ATTACHING = frozenset({"host-device"})
"""Those whose drivers only attach: what they have attached is detached by the programs, whether they delete or move it back."""

_LONGEST = 4096
"""Characters of a config: reading a longer one takes longer than to start the program."""

_ARGS = ("MAC", "IP", "GATEWAY", "CommonArgs")
"""The variables in CNI_ARGS that the programs may know; netattach has them ignore others (`request.args_text`)."""


def recipe(
    network: NetworkConfig,
    index: int,
    *,
    args: Mapping[str, str],
    runtime_config: Mapping[str, Any],
    cni_args: Mapping[str, Any],
) -> Recipe | Tuning | None:
    """The recipe for the plugin at `index` of a chain, whose earlier ones have drivers; None if its program has to run.

    The first one creates the interface, and tuning next to it may change it.
    """
    if index > 1 or (network.plugins[index].type == TUNING) != (index == 1) or not _is_well_formed(args):
        return None
    known_args = tuple((key, args[key]) for key in _ARGS if key in args)
    requests = json.dumps([runtime_config, cni_args]) if runtime_config or cni_args else ""
    return _recipe(network, index, known_args, requests)


def _is_well_formed(args: Mapping[str, str]) -> bool:
    """The programs refuse a variable that is not one key and one value (cni `pkg/types/args.go: LoadArgs`)."""
    return not any(mark in text for pair in args.items() for text in pair for mark in "=;")


@functools.lru_cache(maxsize=512)  # the same few networks for all pods of a node
def _recipe(
    network: NetworkConfig, index: int, known_args: tuple[tuple[str, str], ...], requests: str
) -> Recipe | Tuning | None:
    requested = json.loads(requests) if requests else ({}, {})
    try:
        found = _understood(network, network.plugins[index], dict(known_args), *requested)
    except (NotUnderstoodError, JsonTextError):
        return None
    if isinstance(found, Recipe):
        return found
    before = _recipe(network, 0, known_args, requests)
    return found if isinstance(before, Recipe) and tuning.goes_with(before.link, found) else None


def _understood(
    network: NetworkConfig,
    plugin: PluginConfig,
    args: Mapping[str, str],
    runtime_config: Mapping[str, Any],
    cni_args: Mapping[str, Any],
) -> Recipe | Tuning:
    strict.require(versions.at_least(network.cni_version, "0.3.0") and len(plugin.text) <= _LONGEST)
    strict.require("CommonArgs" not in args)
    stdin = cni_config.plugin_stdin(network, plugin, runtime_config, cni_args)
    if plugin.type == TUNING:
        return tuning.read(config.read(stdin, args, tuning.KEYS))
    strict.require(plugin.type in _DRIVERS)
    keys, read = _DRIVERS[plugin.type]
    found = config.read(stdin, args, keys)
    addresses = ipam.read(stdin, cni_request.args_text(args)) if found.has_ipam else None
    strict.require(addresses is not None or not found.has_ipam)
    link = read(found)
    strict.require(gateway_addresses.are_understood(link, addresses))
    return Recipe(link, addresses, found.dns)
