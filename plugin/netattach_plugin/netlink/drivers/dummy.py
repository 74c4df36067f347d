"""The driver of dummy (`plugins/main/dummy/dummy.go: createDummy`)."""

from __future__ import annotations

from netattach_core.cni.result import Interface
from netattach_core.native.recipe import Dummy
from netattach_plugin.native_ports import Created
from netattach_plugin.netlink import links
from netattach_plugin.netlink.drivers.driver import Namespaces, failing
from netattach_plugin.netlink.links import NewLink


def create(namespaces: Namespaces, ifname: str, _: Dummy) -> Created:
    """Creates the interface in the pod. Raises DelegateError."""
    with failing("dummy", f"create {ifname}"):
        links.create(namespaces.pod, NewLink(kind="dummy", name=ifname, group=links.GROUP))
        created = links.by_name(namespaces.pod, ifname)
    return Created("dummy", (Interface(ifname, mac=created.mac, sandbox=namespaces.path),), created.index)
