"""Which networks of a pod can be attached or detached at the same time."""

from __future__ import annotations

import functools

from netattach_core.attach.attachment import Attachment
from netattach_core.cni.config import PluginConfig
from netattach_core.native import plugin_types, tuning
from netattach_core.text import json_document

_INDEPENDENT = {
    "bridge", "macvlan", "ipvlan", "vlan", "host-device", "dummy", "tap", "sriov", "ovs",
    "tuning", "portmap", "bandwidth", "host-local", "static", "dhcp", "whereabouts",
}  # fmt: skip  # one list, three lines
"""Plugins that read and change nothing in the pod except their own interface."""

_OVERLAPPING = {"flannel", "ptp"}
"""Further plugins of default networks that change nothing in the pod except their own interface and its routes."""


def may_overlap(default: Attachment) -> bool:
    """Whether drivers need not wait for the end of the default network, only for its link, which comes first in the pod."""
    return all(
        (_is_separate(plugin) and not _sets_defaults(plugin)) or plugin.type in _OVERLAPPING
        for plugin in default.config.plugins
    )


def on_add(attachment: Attachment) -> bool:
    """Whether it neither depends on anything else in the pod, nor anything else on it.

    Networks that set routes are not: two default routes would race for the first position in the table. Nor are links with a
    master in the pod, which another network creates.
    """
    return all(map(_is_independent, attachment.config.plugins))


def on_delete(attachment: Attachment) -> bool:
    """As above; what is deleted sets no routes."""
    return all(map(_is_separate, attachment.config.plugins))


@functools.lru_cache(maxsize=512)  # the same few networks for all pods of a node
def _sets_defaults(plugin: PluginConfig) -> bool:
    """Whether tuning sets sysctls that other interfaces get too, as those in `net.ipv4.conf.default`."""
    if plugin.type != plugin_types.TUNING:
        return False
    body = json_document.value(plugin.text)
    listed = [value for key, value in body.items() if json_document.folded(key) == "sysctl"]
    return any(
        not isinstance(each, dict) or any(tuning.INTERFACE not in key for key in each) for each in listed
    )


@functools.lru_cache(maxsize=512)  # as above
def _is_independent(plugin: PluginConfig) -> bool:
    body = json_document.value(plugin.text)
    ipam = body.get("ipam")
    sets_routes = body.get("isDefaultGateway") or (isinstance(ipam, dict) and ipam.get("routes"))
    return _is_separate(plugin) and not sets_routes


@functools.lru_cache(maxsize=512)  # as above
def _is_separate(plugin: PluginConfig) -> bool:
    """Whether it works on its own interface alone, which no other network creates."""
    body = json_document.value(plugin.text)
    ipam = body.get("ipam") or {}
    ipam_type = ipam.get("type") if isinstance(ipam, dict) else None
    return (
        plugin.type in _INDEPENDENT
        and (ipam_type is None or ipam_type in _INDEPENDENT)
        and not body.get("linkInContainer")
    )
