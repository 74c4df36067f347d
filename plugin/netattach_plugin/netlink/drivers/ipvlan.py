"""The driver of ipvlan (`plugins/main/ipvlan/ipvlan.go: createIpvlan`)."""

from __future__ import annotations

from netattach_core.cni.result import Interface
from netattach_core.native.recipe import Ipvlan
from netattach_plugin.native_ports import Created
from netattach_plugin.netlink import links, wire
from netattach_plugin.netlink.drivers import parents
from netattach_plugin.netlink.drivers.driver import Namespaces, failing
from netattach_plugin.netlink.links import NewLink

_MODES = {"l2": 0, "l3": 1, "l3s": 2}  # IPVLAN_MODE_*
_MODE, _FLAGS = 1, 2  # IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS
_BRIDGE = 0
"""No flags: neither private nor vepa."""


def create(namespaces: Namespaces, ifname: str, recipe: Ipvlan) -> Created:
    """Creates the interface in the pod. Raises DelegateError."""
    master = parents.find(namespaces, "ipvlan", recipe.master)
    new = NewLink(
        kind="ipvlan",
        name=ifname,
        data=wire.short(_MODE, _MODES[recipe.mode]) + wire.short(_FLAGS, _BRIDGE),
        parent=master.index,
        mtu=recipe.mtu,
        netns=namespaces.netns,
        group=links.GROUP,
    )
    with failing("ipvlan", f"create {ifname} on {recipe.master}"):
        links.create(namespaces.node, new)
        created = links.by_name(namespaces.pod, ifname)
    interface = Interface(ifname, mac=created.mac, sandbox=namespaces.path)
    return Created("ipvlan", (interface,), created.index, addressed=parents.announcing(ifname))
