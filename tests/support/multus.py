"""Multus' cache files as its releases write them.

Written from its published types (pkg/types DelegateNetConf, libcni cachedInfo and NetworkConfigList), as Go's encoding/json
prints them: no omitted booleans, []byte in base64, `null` for nil slices.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RELEASES = ("3.9", "4.2", "4.3")


@dataclass(frozen=True)
class Delegate:
    """A network that Multus attached. `requests`: those of the pod's annotation, under Multus' keys."""

    name: str
    config: Mapping[str, Any]
    ifname: str = ""
    requests: Mapping[str, Any] = field(default_factory=dict)

    @property
    def plugins(self) -> Sequence[Mapping[str, Any]]:
        return self.config.get("plugins") or [self.config]

    @property
    def config_name(self) -> str:
        return str(self.config["name"])


def delegate_list(delegates: Sequence[Delegate], release: str = "4.2") -> bytes:
    """/var/lib/cni/multus/<container id>."""
    return json.dumps([_delegate(each, release) for each in delegates], separators=(",", ":")).encode()


def cached(
    delegate: Delegate, container_id: str, ifname: str, netns: str, result: Mapping[str, Any]
) -> bytes:
    """/var/lib/cni/multus/results/<network>-<container id>-<interface>."""
    args = [["IgnoreUnknown", "true"], ["K8S_POD_NAMESPACE", "default"], ["K8S_POD_NAME", "p"]]
    args += [["K8S_POD_INFRA_CONTAINER_ID", container_id], ["K8S_POD_UID", "u1"]]
    body = {
        "kind": "cniCacheV1",
        "containerId": container_id,
        "config": base64.b64encode(json.dumps(delegate.config).encode()).decode(),
        "ifName": ifname,
        "networkName": delegate.config_name,
        "netns": netns,
        "cniArgs": args,
        "capabilityArgs": {"mac": delegate.requests["macRequest"]}
        if "macRequest" in delegate.requests
        else {},
        "result": result,
    }
    return json.dumps(
        {key: value for key, value in body.items() if value != {}}, separators=(",", ":")
    ).encode()


def _delegate(delegate: Delegate, release: str) -> dict[str, Any]:
    is_list = "plugins" in delegate.config
    chain = {"CNINetworkConfigList": _chain(delegate if is_list else None)} if release == "4.3" else {}
    return {
        "Conf": {"dns": {}, "ipam": {}} if is_list else _typed(delegate.config),
        "ConfList": _typed_list(delegate.config)
        if is_list
        else {"plugins": None}
        if release == "3.9"
        else {},
        **chain,
        "Name": delegate.name,
        **({"ifnameRequest": delegate.ifname} if delegate.ifname else {}),
        **delegate.requests,
        "IsFilterV4Gateway": False,
        "IsFilterV6Gateway": False,
        "Bytes": base64.b64encode(json.dumps(delegate.config).encode()).decode(),
    }


def _typed(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of libcni's types; those of the plugin itself are lost."""
    ipam = {"type": config["ipam"]["type"]} if "ipam" in config else {}
    kept = {key: config[key] for key in ("cniVersion", "name", "type", "capabilities") if key in config}
    return {**kept, "ipam": ipam, "dns": {}}


def _typed_list(config: Mapping[str, Any]) -> dict[str, Any]:
    plugins = [_typed(each) for each in config["plugins"]]
    return {"cniVersion": config.get("cniVersion", ""), "name": config["name"], "plugins": plugins}


def _chain(delegate: Delegate | None) -> dict[str, Any]:
    empty = {"DisableCheck": False, "DisableGC": False, "LoadOnlyInlinedPlugins": False}
    if delegate is None:
        return {"Name": "", "CNIVersion": "", **empty, "Plugins": None, "Bytes": None}
    plugins = [
        {"Network": _typed(each), "Bytes": base64.b64encode(json.dumps(each).encode()).decode()}
        for each in delegate.plugins
    ]
    whole = base64.b64encode(json.dumps(delegate.config).encode()).decode()
    version = delegate.config.get("cniVersion", "")
    return {"Name": delegate.config_name, "CNIVersion": version, **empty, "Plugins": plugins, "Bytes": whole}
