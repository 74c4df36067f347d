"""The driver of ptp (`plugins/main/ptp/ptp.go: cmdAdd`)."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass

from netattach_core.cni.result import Address, Interface
from netattach_core.errors import NetattachError
from netattach_core.native.addressing import Addressing
from netattach_core.native.recipe import Ptp
from netattach_plugin.native_ports import Created, OnNode
from netattach_plugin.netlink import addresses, links, routes
from netattach_plugin.netlink.drivers import forwarding, veth
from netattach_plugin.netlink.drivers.driver import Namespaces, failing
from netattach_plugin.netlink.links import NewLink


def create(namespaces: Namespaces, ifname: str, recipe: Ptp) -> Created:
    """Creates the pair. Raises DelegateError."""
    outer = NewLink("veth", "", mtu=recipe.mtu, queues_nothing=True)
    inner = NewLink("veth", ifname, mtu=recipe.mtu, netns=namespaces.netns, group=links.GROUP)
    name = veth.create("ptp", namespaces.node, outer, namespaces.pod, inner)
    with failing("ptp", f"look up {ifname} and {name}"):
        created = links.by_name(namespaces.pod, ifname)
        end = links.by_name(namespaces.node, name)
    interfaces = (
        Interface(name, mac=end.mac),
        Interface(ifname, mac=created.mac, sandbox=namespaces.path),
    )
    return Created(
        "ptp",
        interfaces,
        created.index,
        sysctls=(veth.without_advertisements(name),),
        forwarding=forwarding.disabled(),
        on_node=_Ends(namespaces, created.index, end.index, interfaces),
    )


@dataclass(frozen=True, slots=True)
class _Ends:
    """The port NodeSide: routes on both ends of the pair, by their indices."""

    namespaces: Namespaces
    pod: int
    node: int
    created: tuple[Interface, ...]

    def configure(self, addressing: Addressing | None) -> OnNode:
        """All traffic of the pod goes to the gateway, which the node's end has, and the node has a route to each address."""
        ips = addressing.ips if addressing else ()
        try:
            for each in ips:
                self._through_gateway(each)
            for each in ips:
                self._to_pod(each)
        except NetattachError as error:
            return OnNode(failure=error)
        return OnNode()

    def interfaces(self) -> tuple[Interface, ...]:
        return self.created

    def _through_gateway(self, address: Address) -> None:
        """Instead of the subnet's route, which the kernel has added: `ptp.go: setupContainerVeth` says why."""
        own, gateway = ipaddress.ip_interface(address.address), ipaddress.ip_address(address.gateway)
        socket, network = self.namespaces.pod, ipaddress.ip_interface(own.network)
        with failing("ptp", f"delete route {own.network}"):
            routes.delete(socket, self.pod, network)
        with failing("ptp", f"add routes by gateway {gateway} for {own}"):
            routes.add(socket, self.pod, ipaddress.ip_interface(gateway), routes.LINK, source=own.ip)
            routes.add(socket, self.pod, network, routes.EVERYWHERE, gateway=gateway, source=own.ip)

    def _to_pod(self, address: Address) -> None:
        own, gateway = ipaddress.ip_interface(address.address).ip, ipaddress.ip_network(address.gateway)
        socket = self.namespaces.node
        with failing("ptp", f"add IP addr {gateway} to veth"):
            addresses.add(socket, self.node, Address(str(gateway)))
        with failing("ptp", f"add route {own} on host"), contextlib.suppress(FileExistsError):
            routes.add(socket, self.node, ipaddress.ip_interface(own), routes.HOST)
