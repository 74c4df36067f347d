"""The CNI plugins that the validator knows, one file each: JSON Schema, checks, and the code that they were read from.

To add one: write its file after the model of `vlan.py`, and add it to `PLUGINS`. Numbers such as BR7 are those of the
reference of plugin schemas. A check denies only what the plugin, or the kernel behind it, would certainly refuse.
"""

from __future__ import annotations

import functools

from netattach_core.cni.plugin_aliases import OTHER_NAMES
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

OTHER_TYPES = (
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
"""Types that exist and have no file here: known by name, so that none is taken for a misspelling of another."""

_BY_TYPE = {(plugin.type, plugin.role is Role.IPAM): plugin for plugin in PLUGINS}


def main_plugin(kind: str) -> Plugin | None:
    """The plugin of a `type`; None where the validator does not know it."""
    return _BY_TYPE.get((kind, False))


def ipam_plugin(kind: str) -> Plugin | None:
    """The plugin of an `ipam.type`."""
    return _BY_TYPE.get((kind, True))


@functools.cache
def known_types(*, ipam: bool) -> tuple[str, ...]:
    """All names in this role."""
    return (*(p.type for p in PLUGINS if (p.role is Role.IPAM) == ipam), *OTHER_NAMES, *OTHER_TYPES)
