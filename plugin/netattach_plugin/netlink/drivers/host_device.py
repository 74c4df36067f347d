"""The driver of host-device (`plugins/main/host-device/host-device.go: moveLinkIn`), which only attaches: a program detaches.

The program moves a device through a third namespace, which costs as much again. Here one request moves and renames it and
notes its name on the node in its alias, by which the program moves it back on DEL.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from netattach_core.cni.result import Interface
from netattach_core.native.failure import failure
from netattach_core.native.recipe import HostDevice
from netattach_plugin.native_ports import Created
from netattach_plugin.netlink import links
from netattach_plugin.netlink.drivers.driver import Namespaces, failing
from netattach_plugin.netlink.links import FoundLink

_OWN_NAMESPACE = Path("/proc/self/ns/net")


def create(namespaces: Namespaces, ifname: str, recipe: HostDevice) -> Created:
    """Moves the device into the pod. Raises DelegateError; the device is on the node then."""
    device = links.find(namespaces.node, recipe.device)
    if device is None:
        problem = (
            f"this node has no interface {recipe.device}, which is the network's device; name another one"
        )
        raise failure("host-device", problem)
    with failing("host-device", f"move {recipe.device} into the pod as {ifname}"):
        _move(namespaces, device, ifname)
        moved = links.by_name(namespaces.pod, ifname)
    interface = Interface(ifname, mac=moved.mac, sandbox=namespaces.path)
    return Created("host-device", (interface,), moved.index)


def _move(namespaces: Namespaces, device: FoundLink, ifname: str) -> None:
    """The kernel moves first and renames then, so a name that is taken is found out before."""
    if links.find(namespaces.pod, ifname) is not None:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    try:
        links.move(namespaces.node, device.index, namespaces.netns, ifname, alias=device.name)
    except OSError:
        with contextlib.suppress(OSError):  # the failure is the one to report
            _move_back(namespaces, device)
        raise


def _move_back(namespaces: Namespaces, device: FoundLink) -> None:
    """As it was, if it has been moved."""
    if links.find(namespaces.node, device.name) is None:
        stranded = links.by_name(namespaces.pod, device.name)
        with _OWN_NAMESPACE.open("rb") as own:
            links.move(namespaces.pod, stranded.index, own.fileno(), device.name)
    if device.up:
        links.set_up(namespaces.node, links.by_name(namespaces.node, device.name).index)
