"""The additional networks of OpenShift's Cluster Network Operator: `spec.additionalNetworks` of its object Network.

As `pkg/network/additional_networks.go` and `bindata/network/additional-networks` of the operator write their NADs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netattach_cli.lint import rendered_config
from netattach_cli.lint.object_values import list_at, mapping_at, text_at, value_at
from netattach_cli.lint.rendered_config import Part, RenderedConfig, RenderedNetwork
from netattach_core.text.finding import Path

_NETWORKS = "additionalNetworks"
_RAW, _MACVLAN = "rawCNIConfig", "simpleMacvlanConfig"
_DEFAULT_NAMESPACE = "default"
_VERSION = "0.3.1"


def _render(body: Mapping[str, Any]) -> list[RenderedNetwork]:
    networks = list_at(body, "spec", _NETWORKS)
    return [
        found
        for index, network in enumerate(networks)
        if isinstance(network, Mapping) and (found := _network(network, ("spec", _NETWORKS, index)))
    ]


def _network(network: Mapping[str, Any], path: Path) -> RenderedNetwork | None:
    raw, macvlan = network.get(_RAW), network.get(_MACVLAN)
    config = RenderedConfig()
    if isinstance(raw, str):
        config.raw("", raw, (*path, _RAW))
    elif isinstance(macvlan, Mapping) or network.get("type") == "SimpleMacvlan":
        _simple_macvlan(config, mapping_at(network, _MACVLAN), (*path, _MACVLAN))
    else:
        return None
    namespace = text_at(network, "namespace") or _DEFAULT_NAMESPACE
    body = rendered_config.nad(network.get("name"), namespace, config.text)
    return RenderedNetwork(body, (*config.parts, Part("", -1, -1, path)), (*path, "name"))


def _simple_macvlan(config: RenderedConfig, macvlan: Mapping[str, Any], path: Path) -> None:
    config.write("{")
    config.member("cniVersion", _VERSION)
    config.member("type", "macvlan")
    if macvlan.get("master"):
        config.member("master", macvlan["master"], (*path, "master"))
    if macvlan.get("mode"):
        mode = macvlan["mode"]
        config.member("mode", mode.lower() if isinstance(mode, str) else mode, (*path, "mode"))
    if macvlan.get("mtu"):
        config.member("mtu", macvlan["mtu"], (*path, "mtu"))
    ipam_path: Path = (*path, "ipamConfig")
    ipam = mapping_at(macvlan, "ipamConfig")
    config.member("ipam", _ipam(ipam), ipam_path if ipam else (), last=True)
    config.write("}")


def _ipam(ipam: Mapping[str, Any]) -> dict[str, Any]:
    """DHCP unless it is static."""
    if str(ipam.get("type") or "").lower() != "static":
        return {"type": "dhcp"}
    static = mapping_at(ipam, "staticIPAMConfig")
    found: dict[str, Any] = {"type": "static"}
    found |= _list(static, "addresses", {"address": "address", "gateway": "gateway"}, "addresses")
    found |= _list(static, "routes", {"destination": "dst", "gateway": "gw"}, "routes")
    dns = {key: value for key, value in mapping_at(static, "dns").items() if value}
    return found | ({"dns": dns} if dns else {})


def _list(static: Mapping[str, Any], field: str, keys: Mapping[str, str], key: str) -> dict[str, Any]:
    entries = [
        {ours: value for theirs, ours in keys.items() if (value := value_at(each, (theirs,)))}
        for each in list_at(static, field)
    ]
    return {key: entries} if entries else {}


RENDERERS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], list[RenderedNetwork]]] = {
    ("operator.openshift.io", "Network"): _render
}
"""By API group and kind."""
