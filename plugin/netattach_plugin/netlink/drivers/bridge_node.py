"""What the driver of bridge does on the node once the pod has its addresses.

Source: `plugins/main/bridge/bridge.go: cmdAdd, ensureAddr, ensureVlanInterface` of the reference plugins 1.9.1.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
from dataclasses import dataclass

from netattach_core.cni.result import Address, Interface
from netattach_core.errors import NetattachError
from netattach_core.native import gateway_addresses
from netattach_core.native.addressing import Addressing
from netattach_core.native.failure import failure
from netattach_core.native.recipe import Bridge
from netattach_plugin.native_ports import OnNode
from netattach_plugin.netlink import addresses, links
from netattach_plugin.netlink.drivers import bridge_port, forwarding, veth
from netattach_plugin.netlink.drivers.driver import failing
from netattach_plugin.netlink.links import FoundLink, NewLink
from netattach_plugin.netlink.route_socket import RouteSocket

_NO_MAC = "00:00:00:00:00:00"


@dataclass(frozen=True, slots=True)
class BridgeNode:
    """The port NodeSide. `bridge` is as it was before the port joined it, which may have changed its MAC and its MTU."""

    node: RouteSocket
    recipe: Bridge
    bridge: FoundLink
    created: tuple[Interface, ...]

    def configure(self, addressing: Addressing | None) -> OnNode:
        """Gives the bridge the gateways' addresses, or the node's interface in its VLAN."""
        done = OnNode()
        disabled = forwarding.disabled()
        if addressing is None or not self.recipe.gateway:
            return done
        try:
            for version, wanted in gateway_addresses.on_node(addressing).items():
                for address in wanted:
                    link = self.bridge
                    if self.recipe.vlan:
                        link, done = self._vlan_interface(done)
                    self._ensure_address(link, address)
                if wanted and version in disabled:
                    done = dataclasses.replace(done, required=(*done.required, disabled[version]))
        except NetattachError as error:
            return dataclasses.replace(done, failure=error)
        return done

    def interfaces(self) -> tuple[Interface, ...] | None:
        """As they are now, since MACs may change; None while the port is not operational."""
        name = self.created[1].name
        with failing("bridge", f"look up {name} and {self.recipe.name}"):
            port = links.by_name(self.node, name)
            bridge = links.by_name(self.node, self.recipe.name)
        if bridge.kind != "bridge" or port.controller != bridge.index:
            problem = f"{name} is no port of bridge {self.recipe.name} any more"
            raise failure("bridge", f"{problem}; somebody has deleted or replaced the bridge meanwhile")
        if not port.is_operational and not self.recipe.stays_down:
            return None
        own = (self.created[0], bridge), (self.created[1], port)
        return (*(dataclasses.replace(each, mac=link.mac) for each, link in own), *self.created[2:])

    def _vlan_interface(self, done: OnNode) -> tuple[FoundLink, OnNode]:
        """The node's own interface in the pods' VLAN: created if it does not exist, and reported."""
        name = f"{self.bridge.name}.{self.recipe.vlan}"
        with failing("bridge", f"create vlan interface {name}"):
            found = links.find(self.node, name)
            if found is None:
                port = bridge_port.connect(
                    self.node,
                    self.bridge,
                    dataclasses.replace(self.recipe, hairpin=False, isolated=False, trunk=()),
                    self.node,
                    NewLink("veth", name, mtu=self.bridge.mtu),
                )
                done = dataclasses.replace(done, sysctls=(*done.sysctls, veth.without_advertisements(port)))
                found = links.by_name(self.node, name)
                links.set_up(self.node, found.index)
        if not done.interfaces:
            done = dataclasses.replace(done, interfaces=(Interface(found.name, mac=found.mac),))
        return found, done

    def _ensure_address(self, link: FoundLink, wanted: str) -> None:
        """Several addresses of IPv6 may be next to each other if their subnets do not overlap; of IPv4 there is one."""
        ours = ipaddress.ip_interface(wanted)
        with failing("bridge", f"set address {wanted} of {link.name}"):
            for each, _ in addresses.dump(self.node, link.index, ours.version):
                if each == ours:
                    return
                if ours.version == 6 and not each.network.overlaps(ours.network):
                    continue
                if not self.recipe.force_address:
                    problem = f"{link.name!r} already has an IP address different from {wanted}: {each}"
                    fix = "let the networks of this bridge have the same gateway, or set forceAddress"
                    raise failure("bridge", f"failed to set bridge addr: {problem}; {fix}")
                addresses.delete(self.node, link.index, each)
            with contextlib.suppress(FileExistsError):  # another pod's ADD added it meanwhile
                addresses.add(self.node, link.index, Address(wanted))
            links.set_mac(
                self.node, link.index, self._own_mac(link)
            )  # else it is the lowest one of all ports

    def _own_mac(self, link: FoundLink) -> str:
        """A bridge that has lost its last port before an address of its own was set had none: it has that of the new port now.

        The program fails then (`br_stp_if.c: br_stp_recalculate_bridge_id`, `br_device.c: br_set_mac_address`).
        """
        return links.by_name(self.node, link.name).mac if link.mac == _NO_MAC else link.mac
