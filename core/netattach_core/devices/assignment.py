"""Assigns the pod's devices to networks: one of the NAD's `resourceName` each, in the annotation's order, as Multus does."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Network
from netattach_core.cni import config as cni_config
from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.errors import ConfigError, NetattachError
from netattach_core.text import json_document

_WITHOUT_DEVICE = {
    "bridge", "macvlan", "ipvlan", "vlan", "dummy", "tap", "ptp",
    "tuning", "portmap", "bandwidth", "firewall", "sbr", "route-override",
}  # fmt: skip  # one list, two lines
"""Plugins that use no device. KubeVirt has resources without devices that mark nodes with a bridge for the scheduler."""

_DEVICE_OPTIONAL = {"ovs", "ovn-k8s-cni-overlay", "kube-ovn"}
"""Plugins that use a device if they get one."""

_DEVICE_KEYS = {"device", "hwaddr", "kernelpath", "pcibusid", "deviceid"}
"""Keys, case-folded, that name a device in a configuration."""


def takes_device(network: Network) -> bool:
    """Whether the network takes one of the pod's devices; False for an unreadable configuration, which is reported elsewhere."""
    if not network.resource:
        return False
    try:
        config = cni_config.parse(network.config_text, network.config_name)
    except NetattachError:
        return False
    return not all(canonical_name(plugin.type) in _WITHOUT_DEVICE for plugin in config.plugins)


def assign(
    networks: Sequence[Network], named: Sequence[str], pod: PodRef, available: Mapping[str, Sequence[str]]
) -> tuple[Network, ...]:
    """The networks with their devices.

    `available` has the pod's devices by resource; `named` the device that the pod names for each network, "" for none. Raises
    ConfigError if a network that requires a device gets none; Multus attaches it without.
    """
    left = {resource: list(devices) for resource, devices in available.items()}
    assigned = []
    for each, own in zip(networks, named, strict=True):
        devices = left.get(each.resource) if takes_device(each) else None
        if devices:
            each = dataclasses.replace(each, device=devices.pop(0))  # noqa: PLW2901  # the same network, with its device
        elif takes_device(each) and not own and requires_device(each):
            wanted = Counter(other.resource for other in networks if takes_device(other))[each.resource]
            raise ConfigError(_missing(each, available.get(each.resource, ()), wanted, pod))
        assigned.append(each)
    return tuple(assigned)


def requires_device(network: Network) -> bool:
    """Whether a network that takes a device fails without one."""
    config = cni_config.parse(network.config_text, network.config_name)
    bodies = [json_document.value(plugin.text) for plugin in config.plugins]
    named = any(key.casefold() in _DEVICE_KEYS and value for body in bodies for key, value in body.items())
    return not named and not any(plugin.type in _DEVICE_OPTIONAL for plugin in config.plugins)


def _missing(network: Network, allocated: Sequence[str], wanted: int, pod: PodRef) -> str:
    has = f"only {', '.join(allocated)}" if allocated else "none"
    limits = f'resources.limits: {{"{network.resource}": "{wanted}"}}'
    return (
        f"network {network.network}: its resourceName {network.resource} requires a device for each of {wanted} attachments, "
        f"and the kubelet allocated {has} to pod {pod}; request as many in a container, {limits}"
    )
