"""Twins of the ports that native drivers are behind: links in memory, and addresses that are counted up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from netattach_core.cni.result import Address, Interface
from netattach_core.errors import AllocationError, NetattachError
from netattach_core.native.addressing import Addressing
from netattach_core.native.failure import failure
from netattach_core.native.recipe import Ipam, Link
from netattach_core.shim.protocol import Sysctl
from netattach_plugin.ports import Created

MAC = "02:00:00:00:00:01"


@dataclass
class MemoryNative:
    """The port NativeLinks: creates a link in `present`, unless `failing` has "create net1" or "configure net1"."""

    present: set[str]
    failing: Collection[str] = ()
    configured: list[str] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)

    async def create(self, wanted: Sequence[tuple[str, Link]]) -> Sequence[Created | NetattachError]:
        self.batches.append([ifname for ifname, _ in wanted])
        done: list[Created | NetattachError] = []
        for number, (ifname, _) in enumerate(wanted, start=5):
            if f"create {ifname}" in self.failing:
                return [*done, failure("macvlan", f"failed to create {ifname}")]
            self.present.add(ifname)
            interface = Interface(ifname, mac=MAC, sandbox="/n")
            notify = (Sysctl(f"net/ipv4/conf/{ifname}/arp_notify", "1"),)
            done.append(Created("macvlan", (interface,), number, addressed=notify))
        return done

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


@dataclass
class MemoryAddresses:
    """The port AddressStore: 10.0.0.1, 10.0.0.2, … `failing` has interfaces, for both methods."""

    leases: dict[str, str] = field(default_factory=dict)
    failing: Collection[str] = ()

    async def allocate(
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

    async def release(
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
