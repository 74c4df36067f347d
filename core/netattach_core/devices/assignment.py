"""Which of the pod's devices each network gets: one of the NAD's `resourceName`, in the annotation's order (multus 1.7)."""

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

_READS_NONE = {
    "bridge", "macvlan", "ipvlan", "vlan", "dummy", "tap", "ptp",
    "tuning", "portmap", "bandwidth", "firewall", "sbr", "route-override",
}  # fmt: skip  # one list, two lines
"""Plugins that read no device. KubeVirt marks nodes that have a bridge by a resource without devices, for the scheduler alone."""

_DOES_WITHOUT = {"ovs", "ovn-k8s-cni-overlay", "kube-ovn"}
"""Plugins that use a device where there is one."""

_NAMES_ONE = {"device", "hwaddr", "kernelpath", "pcibusid", "deviceid"}
"""Keys, case-folded, by which a configuration says itself which device it means."""


def takes_one(network: Network) -> bool:
    """Whether the network takes one of the pod's devices; a configuration that cannot be read is told of elsewhere."""
    if not network.resource:
        return False
    try:
        conf = cni_config.parse(network.config_text, network.config_name)
    except NetattachError:
        return False
    return not all(canonical_name(plugin.type) in _READS_NONE for plugin in conf.plugins)


def assign(
    networks: Sequence[Network], named: Sequence[str], pod: PodRef, available: Mapping[str, Sequence[str]]
) -> tuple[Network, ...]:
    """The networks, each with the device that it takes.

    `available` holds the pod's devices by resource; `named` the device that the pod itself names for each network, "" for none.
    Raises ConfigError where one is missing that the network cannot do without; Multus attaches it without (multus section 1.7).
    """
    left = {resource: list(devices) for resource, devices in available.items()}
    assigned = []
    for each, own in zip(networks, named, strict=True):
        devices = left.get(each.resource) if takes_one(each) else None
        if devices:
            each = dataclasses.replace(each, device=devices.pop(0))  # noqa: PLW2901  # the same network, with its device
        elif takes_one(each) and not own and cannot_do_without(each):
            asking = Counter(other.resource for other in networks if takes_one(other))[each.resource]
            raise ConfigError(_missing(each, available.get(each.resource, ()), asking, pod))
        assigned.append(each)
    return tuple(assigned)


def cannot_do_without(network: Network) -> bool:
    """Whether a network that takes a device fails without one."""
    conf = cni_config.parse(network.config_text, network.config_name)
    bodies = [json_document.value(plugin.text) for plugin in conf.plugins]
    named = any(key.casefold() in _NAMES_ONE and value for body in bodies for key, value in body.items())
    return not named and not any(plugin.type in _DOES_WITHOUT for plugin in conf.plugins)


def _missing(network: Network, given: Sequence[str], asking: int, pod: PodRef) -> str:
    has = f"only {', '.join(given)}" if given else "none"
    limits = f'resources.limits: {{"{network.resource}": "{asking}"}}'
    return (
        f"network {network.network}: its resourceName {network.resource} wants a device for each of {asking} attachments, and "
        f"the kubelet gave pod {pod} {has}; request as many in a container, {limits}"
    )
