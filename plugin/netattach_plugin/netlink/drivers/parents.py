"""What macvlan, ipvlan and vlan share: an interface of the node as parent, and new addresses that are announced to neighbours."""

from __future__ import annotations

from netattach_core.native.failure import failure
from netattach_core.shim.protocol import Sysctl
from netattach_plugin.netlink import links
from netattach_plugin.netlink.drivers.driver import Namespaces
from netattach_plugin.netlink.links import FoundLink


def find(namespaces: Namespaces, plugin: str, name: str, mtu: int = 0) -> FoundLink:
    """The parent. Raises DelegateError if there is none of that name, or if its MTU is smaller than the wanted one."""
    parent = namespaces.parents.get(name) or links.find(namespaces.node, name)
    if parent is None:
        problem = f"this node has no interface {name}, which is the network's master; create it, or name another one"
        raise failure(plugin, problem)
    namespaces.parents[name] = parent
    if mtu > parent.mtu:
        raise failure(plugin, f"invalid MTU {mtu}, must be [0, master MTU({parent.mtu})]")
    return parent


def announcing(ifname: str) -> tuple[Sysctl, ...]:
    """Sysctls by which the kernel announces new addresses, with gratuitous ARP and neighbour advertisements."""
    return (
        Sysctl(f"net/ipv4/conf/{ifname}/arp_notify", "1"),
        Sysctl(f"net/ipv6/conf/{ifname}/ndisc_notify", "1"),
    )
