"""The CNI plugins that the validator supports, one module each: JSON Schema, checks, and their source.

To add a plugin, write its module, with `vlan.py` as a template, and add it to `PLUGINS`. File and function names in
docstrings are those of the plugin's repository; those without a repository are of the CNI plugins 1.9.1. A check denies only
what the plugin or the kernel certainly refuses.
"""

from __future__ import annotations

import functools

from netattach_core.cni.plugin_aliases import ALIASES
from netattach_core.plugins import (
    bandwidth,
    bond,
    bridge,
    calico,
    cilium,
    common_rules,
    dhcp,
    dummy,
    firewall,
    flannel,
    host_device,
    host_local,
    ib_sriov,
    ipvlan,
    loopback,
    macvlan,
    ovn_kubernetes,
    ovs,
    portmap,
    ptp,
    rdma,
    route_override,
    route_rules,
    sbr,
    sriov,
    static,
    tap,
    tuning,
    vlan,
    vrf,
    whereabouts,
)
from netattach_core.plugins.plugin import Plugin, Role
from netattach_core.text import suggestions
from netattach_core.text.finding import Rule

PLUGINS: tuple[Plugin, ...] = (
    bridge.PLUGIN,
    macvlan.PLUGIN,
    ipvlan.PLUGIN,
    vlan.PLUGIN,
    ptp.PLUGIN,
    dummy.PLUGIN,
    loopback.PLUGIN,
    host_device.PLUGIN,
    tap.PLUGIN,
    sriov.PLUGIN,
    ib_sriov.PLUGIN,
    ovs.PLUGIN,
    bond.PLUGIN,
    ovn_kubernetes.PLUGIN,
    flannel.PLUGIN,
    calico.PLUGIN,
    cilium.PLUGIN,
    tuning.PLUGIN,
    bandwidth.PLUGIN,
    firewall.PLUGIN,
    portmap.PLUGIN,
    sbr.PLUGIN,
    vrf.PLUGIN,
    rdma.PLUGIN,
    route_override.PLUGIN,
    host_local.PLUGIN,
    static.PLUGIN,
    dhcp.PLUGIN,
    whereabouts.PLUGIN,
    calico.IPAM_PLUGIN,
)

RULES: tuple[Rule, ...] = (
    *common_rules.RULES,
    *route_rules.RULES,
    *(rule for plugin in PLUGINS for rule in plugin.rules),
)

UNSUPPORTED_TYPES = (
    "accelerated-bridge",
    "antrea",
    "aws-cni",
    "azure-vnet",
    "coordinator",
    "egress-cni",
    "istio-cni",
    "kube-ovn",
    "kube-router",
    "linkerd-cni",
    "macvtap",
    "multus",
    "multus-shim",
    "netattach",
    "nodus",
    "ovs-mirror-consumer",
    "ovs-mirror-producer",
    "passthru",
    "spiderpool",
    "unifycni",
    "userspace",
    "veth",
    "weave-net",
)
"""Existing plugins without a module here; listed so that none of them counts as a misspelling of another."""

_MISNAMED = {
    **dict.fromkeys(("ovn-kube-cni-overlay", "ovn-kubernetes", "ovn-k8s-cni"), "ovn-k8s-cni-overlay"),
    "sr-iov-cni": "sriov",
}
"""Names that look like those of plugins, and that no spelling distance finds."""

_SUFFIX = "-cni"
"""The end of the names of repositories; the binaries have it only where it is in their own name."""

_BY_TYPE = {(plugin.type, plugin.role is Role.IPAM): plugin for plugin in PLUGINS}


def main_plugin(kind: str) -> Plugin | None:
    """The plugin for a `type`; None for one that the validator does not support."""
    return _BY_TYPE.get((kind, False))


def ipam_plugin(kind: str) -> Plugin | None:
    """The plugin for an `ipam.type`; None likewise."""
    return _BY_TYPE.get((kind, True))


def meant_type(kind: str, *, ipam: bool) -> str | None:
    """The known type that an unknown one is most likely meant to be; None for a known one, or where none is similar."""
    known = known_types(ipam=ipam)
    if not kind or kind in known:
        return None
    plain = _MISNAMED.get(kind, kind.removesuffix(_SUFFIX))
    return plain if plain in known else suggestions.closest(kind, known)


@functools.cache
def known_types(*, ipam: bool) -> tuple[str, ...]:
    """All known names of IPAM plugins, or of main and chained plugins, aliases included."""
    return (*(p.type for p in PLUGINS if (p.role is Role.IPAM) == ipam), *ALIASES, *UNSUPPORTED_TYPES)
