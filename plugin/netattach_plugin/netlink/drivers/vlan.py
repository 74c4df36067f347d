"""The driver of vlan (`plugins/main/vlan/vlan.go: createVlan`)."""

from __future__ import annotations

from netattach_core.cni.result import Interface
from netattach_core.native.recipe import Vlan
from netattach_plugin.native_ports import Created
from netattach_plugin.netlink import links, wire
from netattach_plugin.netlink.drivers import parents
from netattach_plugin.netlink.drivers.driver import Namespaces, failing
from netattach_plugin.netlink.links import NewLink

_ID = 1  # IFLA_VLAN_ID


def create(namespaces: Namespaces, ifname: str, recipe: Vlan) -> Created:
    """Creates the interface in the pod. Raises DelegateError."""
    master = parents.find(namespaces, "vlan", recipe.master, recipe.mtu)
    new = NewLink(
        kind="vlan",
        name=ifname,
        data=wire.short(_ID, recipe.vlan_id),
        parent=master.index,
        mtu=recipe.mtu,
        netns=namespaces.netns,
        group=links.GROUP,
    )
    with failing("vlan", f"create {ifname} with VLAN {recipe.vlan_id} on {recipe.master}"):
        links.create(namespaces.node, new)
        created = links.by_name(namespaces.pod, ifname)
    return Created("vlan", (Interface(ifname, mac=created.mac, sandbox=namespaces.path),), created.index)
