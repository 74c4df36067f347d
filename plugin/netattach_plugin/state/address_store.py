"""The addresses that native drivers give: those of host-local's store, and those of static, which stores nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netattach_core.errors import AllocationError, NetattachError
from netattach_core.native.addressing import Addressing
from netattach_core.native.host_local import HostLocal
from netattach_core.native.recipe import Ipam
from netattach_core.native.static import Static
from netattach_plugin.native_ports import AddressStore
from netattach_plugin.state.host_local_store import HostLocalStore

_Wanted = Sequence[tuple[str, Ipam | None]]


class NodeAddressStore(AddressStore):
    """The port AddressStore on this node's disk."""

    def __init__(self, host_local: HostLocalStore) -> None:
        self._host_local = host_local

    def allocate(self, container_id: str, wanted: _Wanted) -> Sequence[Addressing | NetattachError | None]:
        given: list[Addressing | NetattachError | None] = []
        for ifname, ipam in wanted:
            try:
                given.append(self._allocate_one(container_id, ifname, ipam))
            except NetattachError as error:
                return [*given, error]
        return given

    def _allocate_one(self, container_id: str, ifname: str, ipam: Ipam | None) -> Addressing | None:
        match ipam:
            case None:
                return None
            case HostLocal():
                return self._host_local.allocate(ipam, container_id, ifname)
            case Static():
                if not ipam.addressing.ips:
                    raise AllocationError("IPAM plugin returned missing IP config")
                return ipam.addressing

    def release(self, container_id: str, wanted: _Wanted) -> Mapping[str, NetattachError]:
        failures = {}
        for ifname, ipam in wanted:
            try:
                if isinstance(ipam, HostLocal):
                    self._host_local.release(ipam, container_id, ifname)
            except NetattachError as error:
                failures[ifname] = error
        return failures
