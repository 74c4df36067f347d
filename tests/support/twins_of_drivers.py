"""Twins of the ports that native drivers are behind: links in memory, and addresses that are counted up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from netattach_core.cni.result import Address, Interface
from netattach_core.errors import AllocationError, NetattachError
from netattach_core.native.addressing import Addressing
from netattach_core.native.failure import failure
from netattach_core.native.recipe import Bridge, Ipam, Link, Tuning
from netattach_core.shim.protocol import Sysctl
from netattach_plugin.native_ports import Created, OnNode

T = TypeVar("T")

MAC = "02:00:00:00:00:01"
ACCEPT_RA = (Sysctl("net/ipv6/conf/cni0/accept_ra", "0", in_pod=False),)
FORWARDING = (Sysctl("net/ipv4/ip_forward", "1", in_pod=False),)


@dataclass
class MemoryNative:
    """The port NativeLinks: creates a link in `present`; a bridge's has a side on the node, and a gateway there.

    `failing` has what does not succeed: "create net1", "configure net1", "gateway net1", "ready net1", "tune net1".
    """

    present: set[str]
    failing: Collection[str] = ()
    configured: list[str] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    tuned: list[tuple[str, Tuning]] = field(default_factory=list)

    async def create(
        self, wanted: Sequence[tuple[str, Link]], then: Callable[[], T]
    ) -> tuple[Sequence[Created | NetattachError], T | None]:
        created = self._created(wanted)
        return created, None if isinstance(created[-1], NetattachError) else then()

    def _created(self, wanted: Sequence[tuple[str, Link]]) -> Sequence[Created | NetattachError]:
        self.batches.append([ifname for ifname, _ in wanted])
        done: list[Created | NetattachError] = []
        for number, (ifname, link) in enumerate(wanted, start=5):
            if f"create {ifname}" in self.failing:
                return [*done, failure("macvlan", f"failed to create {ifname}")]
            self.present.add(ifname)
            interface = Interface(ifname, mac=MAC, sandbox="/n")
            notify = (Sysctl(f"net/ipv4/conf/{ifname}/arp_notify", "1"),)
            if isinstance(link, Bridge):
                done.append(self._on_bridge(interface, number))
            else:
                done.append(Created("macvlan", (interface,), number, addressed=notify))
        return done

    def _on_bridge(self, interface: Interface, number: int) -> Created:
        interfaces = (Interface("cni0"), Interface(f"veth{number}"), interface)
        return Created(
            "bridge", interfaces, number, sysctls=ACCEPT_RA, on_node=MemoryNodeSide(self, interfaces)
        )

    async def configure(
        self, wanted: Sequence[tuple[Created, Addressing | None]]
    ) -> Sequence[Created | NetattachError]:
        done: list[Created | NetattachError] = []
        for created, _ in wanted:
            ifname = created.interfaces[-1].name
            if f"configure {ifname}" in self.failing:
                return [*done, failure("macvlan", f"failed to set '{ifname}' UP")]
            self.configured.append(ifname)
            done.append(created)
        return done

    async def configure_node(self, wanted: Sequence[tuple[Created, Addressing | None]]) -> Sequence[OnNode]:
        done: list[OnNode] = []
        for created, addressing in wanted:
            done.append(created.on_node.configure(addressing) if created.on_node else OnNode())
            if done[-1].failure:
                break
        return done

    async def tune(self, wanted: Sequence[tuple[str, Tuning]]) -> Sequence[NetattachError | None]:
        done: list[NetattachError | None] = []
        for ifname, tuning in wanted:
            if f"tune {ifname}" in self.failing:
                return [*done, failure("tuning", f"failed to set mtu {tuning.mtu} of {ifname}")]
            self.tuned.append((ifname, tuning))
            done.append(None)
        return done

    async def interfaces(self, wanted: Sequence[Created]) -> Sequence[tuple[Interface, ...] | NetattachError]:
        done: list[tuple[Interface, ...] | NetattachError] = []
        for created in wanted:
            found = created.on_node.interfaces() if created.on_node else created.interfaces
            done.append(found or failure(created.plugin, "bridge port in error state: down"))
            if found is None:
                break
        return done


@dataclass
class MemoryNodeSide:
    """The port NodeSide: one gateway, and MACs that the interfaces have in the end."""

    drivers: MemoryNative
    created: tuple[Interface, ...]

    def configure(self, addressing: Addressing | None) -> OnNode:
        ifname = self.created[-1].name
        if f"gateway {ifname}" in self.drivers.failing:
            return OnNode(failure=failure("bridge", f"failed to set bridge addr of {ifname}"))
        vlan = (Interface("cni0.5", mac=MAC),)
        return OnNode(interfaces=vlan, required=FORWARDING) if addressing else OnNode()

    def interfaces(self) -> tuple[Interface, ...] | None:
        if f"ready {self.created[-1].name}" in self.drivers.failing:
            return None
        return tuple(dataclasses.replace(each, mac=MAC) for each in self.created)


@dataclass
class MemoryAddresses:
    """The port AddressStore: 10.0.0.1, 10.0.0.2, … `failing` has interfaces, for both methods."""

    leases: dict[str, str] = field(default_factory=dict)
    failing: Collection[str] = ()

    def allocate(
        self, container_id: str, wanted: Sequence[tuple[str, Ipam | None]]
    ) -> Sequence[Addressing | NetattachError | None]:
        del container_id
        given: list[Addressing | NetattachError | None] = []
        for ifname, ipam in wanted:
            if ifname in self.failing:
                return [*given, AllocationError("no IP addresses available in range set: 10.0.0.1-10.0.0.9")]
            if ipam is not None:
                self.leases[ifname] = f"10.0.0.{len(self.leases) + 1}"
            given.append(Addressing((Address(f"{self.leases[ifname]}/24"),)) if ipam else None)
        return given

    def release(
        self, container_id: str, wanted: Sequence[tuple[str, Ipam | None]]
    ) -> Mapping[str, NetattachError]:
        del container_id
        failures: dict[str, NetattachError] = {}
        for ifname, ipam in wanted:
            if ifname in self.failing:
                failures[ifname] = AllocationError("host-local's store /x: read-only file system")
            elif ipam is not None:
                self.leases.pop(ifname, None)
        return failures
