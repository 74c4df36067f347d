"""Multus' own CNI config: the default network that it delegates to, and its settings in the words of netattach's.

Its thick plugin names a file (`clusterNetwork`), its thin one contains the network (`delegates`); both may name a network. Keys
as in its `pkg/types/types.go: NetConf`, which also reads those of the daemon's `daemon-config.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.cni import netattach_conf
from netattach_core.errors import ConfigError
from netattach_core.text import json_document

TYPES = frozenset({"multus", "multus-shim"})

FILE_PREFIX = "00-multus."
"""The name of the file that Multus generates starts like this. Multus does not write it atomically: at times it is empty."""

_DEFAULT_GLOBAL_NAMESPACES = ["default"]


def read(text: str) -> Mapping[str, Any]:
    """Multus' keys: those of a single plugin, or of the first plugin of a conflist. Raises ConfigError."""
    try:
        body = json_document.parse(text).value
    except json_document.JsonTextError as error:
        raise ConfigError(f"{error.problem}; {error.fix}") from error
    plugins = body.get("plugins") if isinstance(body, dict) else None
    plugin = plugins[0] if isinstance(plugins, list) and plugins else body
    if not isinstance(plugin, dict):
        raise ConfigError("it is not a JSON object")
    return plugin


def default_network(conf: Mapping[str, Any]) -> str:
    """The default network as `primaryNetwork` names one: its file, or the name in it. "" if the config names none.

    `clusterNetwork` has precedence over `delegates`. A directory, of which Multus takes the first file, names none.
    """
    cluster = conf.get("clusterNetwork")
    if isinstance(cluster, str) and cluster:
        name = cluster.rpartition("/")[2]
        return name if "/" not in cluster or name.endswith(netattach_conf.SUFFIXES) else ""
    delegates = conf.get("delegates")
    first = delegates[0] if isinstance(delegates, list) and delegates else None
    own_name = first.get("name") if isinstance(first, dict) else None
    return own_name if isinstance(own_name, str) else ""


def settings(conf: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of netattach-config, with the values, that have Multus' effect; keys that Multus does not have are left out."""
    found: dict[str, Any] = {}
    if networks := _texts(conf.get("defaultNetworks")):
        found["defaultNetworks"] = networks
    if isinstance(conf.get("multusNamespace"), str) and conf["multusNamespace"]:
        found["networksNamespace"] = conf["multusNamespace"]
    if namespaces := _texts(conf.get("systemNamespaces")):
        found["systemNamespaces"] = namespaces
    if conf.get("namespaceIsolation") is True:
        found["namespaceIsolation"] = True
        found["globalNamespaces"] = _split(conf.get("globalNamespaces")) or _DEFAULT_GLOBAL_NAMESPACES
    return found


def missing_settings(conf: Mapping[str, Any], selection: SelectionSettings) -> dict[str, Any]:
    """Those of Multus' settings that netattach's differ from: without them pods would get other networks."""
    ours: dict[str, Any] = {
        "defaultNetworks": list(selection.defaults),
        "networksNamespace": selection.namespace,
        "systemNamespaces": sorted(selection.system_namespaces),
        "namespaceIsolation": selection.isolated,
        "globalNamespaces": sorted(selection.global_namespaces),
    }
    sets = {"systemNamespaces", "globalNamespaces"}
    wanted = settings(conf).items()
    return {key: value for key, value in wanted if (sorted(value) if key in sets else value) != ours[key]}


def as_yaml(found: Mapping[str, Any]) -> str:
    """On one line; JSON is YAML."""
    return "{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in found.items()) + "}"


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _split(value: object) -> list[str]:
    words = value.split(",") if isinstance(value, str) else ()
    return [word.strip() for word in words if word.strip()]
