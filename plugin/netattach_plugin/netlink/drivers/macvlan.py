"""The driver of macvlan (`plugins/main/macvlan/macvlan.go: createMacvlan`)."""

from __future__ import annotations

from netattach_core.cni.result import Interface
from netattach_core.native.recipe import Macvlan
from netattach_plugin.native_ports import Created
from netattach_plugin.netlink import links, wire
from netattach_plugin.netlink.drivers import parents
from netattach_plugin.netlink.drivers.driver import Namespaces, failing
from netattach_plugin.netlink.links import NewLink

_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}  # MACVLAN_MODE_*
_MODE, _QUEUE = 1, 7  # IFLA_MACVLAN_MODE, IFLA_MACVLAN_BC_QUEUE_LEN


def create(namespaces: Namespaces, ifname: str, recipe: Macvlan) -> Created:
    """Creates the interface in the pod. Raises DelegateError."""
    master = parents.find(namespaces, "macvlan", recipe.master, recipe.mtu)
    queue = wire.number(_QUEUE, recipe.queue) if recipe.queue else b""
    new = NewLink(
        kind="macvlan",
        name=ifname,
        data=wire.number(_MODE, _MODES[recipe.mode]) + queue,
        parent=master.index,
        mtu=recipe.mtu,
        mac=recipe.mac,
        netns=namespaces.netns,
        group=links.GROUP,
    )
    with failing("macvlan", f"create {ifname} on {recipe.master}"):
        links.create(namespaces.node, new)
        created = links.by_name(namespaces.pod, ifname)
    interface = Interface(ifname, mac=created.mac, sandbox=namespaces.path)
    return Created("macvlan", (interface,), created.index, addressed=parents.announcing(ifname))
