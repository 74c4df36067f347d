"""Networks of the SR-IOV Network Operator: SriovNetwork, SriovIBNetwork, OVSNetwork.

As `bindata/manifests/cni-config` and `api/v1/helper.go: RenderNetAttDef` of the operator write their NADs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from netattach_cli.lint import rendered_config
from netattach_cli.lint.object_values import mapping_at, text_at, value_at
from netattach_cli.lint.rendered_config import RenderedConfig, RenderedNetwork
from netattach_core.api.nad import RESOURCE_NAME

GROUP = "sriovnetwork.openshift.io"
_PREFIX = "openshift.io/"
"""Of resource names, unless the operator is installed with another one."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """`type` is the plugin; `keys` are, by field of `spec`, the keys of its config; `always` those written with 0 too."""

    type: str
    keys: Mapping[str, str]
    always: frozenset[str] = frozenset()


_KINDS = {
    "SriovNetwork": _Kind(
        "sriov",
        {
            "vlan": "vlan",
            "spoofChk": "spoofchk",
            "trust": "trust",
            "vlanQoS": "vlanQoS",
            "vlanProto": "vlanProto",
            "minTxRate": "min_tx_rate",
            "maxTxRate": "max_tx_rate",
            "linkState": "link_state",
            "logLevel": "logLevel",
            "logFile": "logFile",
        },
        frozenset({"vlan", "minTxRate", "maxTxRate"}),
    ),
    "SriovIBNetwork": _Kind("ib-sriov", {"linkState": "link_state"}),
    "OVSNetwork": _Kind(
        "ovs",
        {
            "bridge": "bridge",
            "vlan": "vlan",
            "mtu": "mtu",
            "trunk": "trunk",
            "interfaceType": "interface_type",
        },
    ),
}


def _render(kind: _Kind, body: Mapping[str, Any]) -> list[RenderedNetwork]:
    spec = mapping_at(body, "spec")
    name = value_at(body, ("metadata", "name"))
    plugins = text_at(spec, "metaPlugins")
    config = RenderedConfig("{")
    config.member("cniVersion", "1.0.0")
    config.member("name", name)
    if plugins.strip():
        config.write('"plugins": [{')
    config.member("type", kind.type)
    _members(config, kind, spec)
    ipam = spec.get("ipam")
    if isinstance(ipam, str) and ipam.strip():
        config.member_text("ipam", ipam, ("spec", "ipam"), last=True)
    else:
        config.member("ipam", ipam or {}, ("spec", "ipam") if ipam else (), last=True)
    config.write("}")
    if plugins.strip():
        config.write(", ")
        config.raw("metaPlugins", plugins, ("spec", "metaPlugins"))
        config.write("]}")
    resource = text_at(spec, "resourceName")
    annotations = {RESOURCE_NAME: f"{_PREFIX}{resource}"} if resource else None
    namespace = text_at(spec, "networkNamespace") or value_at(body, ("metadata", "namespace"))
    nad = rendered_config.nad(name, namespace, config.text, annotations)
    return [RenderedNetwork(nad, (*config.parts, _WHOLE))]


def _members(config: RenderedConfig, kind: _Kind, spec: Mapping[str, Any]) -> None:
    capabilities = text_at(spec, "capabilities")
    if capabilities.strip():
        config.member_text("capabilities", capabilities, ("spec", "capabilities"))
    for field, key in kind.keys.items():
        value = spec.get(field)
        if value or (value == 0 and field in kind.always):
            config.member(key, value, ("spec", field))


_WHOLE = rendered_config.Part("spec", -1, -1, ("spec",))

RENDERERS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], list[RenderedNetwork]]] = {
    (GROUP, name): lambda body, kind=kind: _render(kind, body)  # type: ignore[misc]  # the kind of this entry
    for name, kind in _KINDS.items()
}
"""By API group and kind."""
