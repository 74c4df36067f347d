"""The driver of bridge (`plugins/main/bridge/bridge.go: cmdAdd`): the bridge itself, and a port of it with an end in the pod."""

from __future__ import annotations

import contextlib

from netattach_core.cni.result import Interface
from netattach_core.native.failure import failure
from netattach_core.native.recipe import Bridge
from netattach_core.shim.protocol import Sysctl
from netattach_plugin.native_ports import Created
from netattach_plugin.netlink import links, wire
from netattach_plugin.netlink.drivers import bridge_port, veth
from netattach_plugin.netlink.drivers.bridge_node import BridgeNode
from netattach_plugin.netlink.drivers.driver import Namespaces, failing
from netattach_plugin.netlink.links import FoundLink, NewLink
from netattach_plugin.netlink.route_socket import RouteSocket

_VLAN_FILTERING = 7  # IFLA_BR_VLAN_FILTERING


def create(namespaces: Namespaces, ifname: str, recipe: Bridge) -> Created:
    """Creates the bridge if it does not exist, and its port with the other end in the pod. Raises DelegateError."""
    bridge = _ensure(namespaces.node, recipe)
    inner = NewLink("veth", ifname, mtu=recipe.mtu, mac=recipe.mac, netns=namespaces.netns, group=links.GROUP)
    port = bridge_port.connect(namespaces.node, bridge, recipe, namespaces.pod, inner)
    with failing("bridge", f"look up {ifname}"):
        created = links.by_name(namespaces.pod, ifname)
    interfaces = (
        Interface(bridge.name, mac=bridge.mac),
        Interface(port),
        Interface(ifname, mac=created.mac, sandbox=namespaces.path),
    )
    return Created(
        "bridge",
        interfaces,
        created.index,
        sysctls=(veth.without_advertisements(recipe.name), veth.without_advertisements(port)),
        addressed=_before_addresses(ifname, detects_duplicates=recipe.detects_duplicates),
        stays_down=recipe.stays_down,
        on_node=BridgeNode(namespaces.node, recipe, bridge, interfaces),
    )


def _ensure(node: RouteSocket, recipe: Bridge) -> FoundLink:
    """The bridge, up; what else an existing one is like is left as it is (`bridge.go: ensureBridge`)."""
    with failing("bridge", f"create bridge {recipe.name!r}"):
        found = links.find(node, recipe.name) or _create(node, recipe)
        if recipe.promiscuous:
            links.set_promiscuous(node, found.index)
        if found.kind != "bridge":
            problem = (
                f"failed to create bridge {recipe.name!r}: {recipe.name!r} already exists but is not a bridge"
            )
            raise failure("bridge", f"{problem} ({found.kind or 'a NIC'}); give the bridge another name")
        if not found.up:
            links.set_up(node, found.index)
    return found


def _create(node: RouteSocket, recipe: Bridge) -> FoundLink:
    filtering = wire.attribute(_VLAN_FILTERING, b"\1") if recipe.filters_vlans else b""
    with contextlib.suppress(FileExistsError):  # another pod's ADD created it meanwhile
        links.create(node, NewLink("bridge", recipe.name, data=filtering, mtu=recipe.mtu))
    return links.by_name(node, recipe.name)


def _before_addresses(ifname: str, *, detects_duplicates: bool) -> tuple[Sysctl, ...]:
    """With duplicate address detection or without; new addresses are announced."""
    ipv6 = f"net/ipv6/conf/{ifname}"
    enhanced = (Sysctl(f"{ipv6}/enhanced_dad", "1"),) if detects_duplicates else ()
    return (
        *enhanced,
        Sysctl(f"{ipv6}/accept_dad", "1" if detects_duplicates else "0"),
        Sysctl(f"net/ipv4/conf/{ifname}/arp_notify", "1"),
    )
