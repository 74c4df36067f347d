"""host-local's choice of addresses: its ranges, what its store holds, and which address is next.

Sources: `plugins/ipam/host-local` of the reference plugins 1.9.1, `backend/allocator/{config,range,range_set,allocator}.go` and
`backend/disk/backend.go`. Nothing is read or written here: the store executes the decision.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_core.cni.result import Address, Route
from netattach_core.errors import AllocationError
from netattach_core.native.addressing import Addressing
from netattach_core.net import addresses
from netattach_core.net.addresses import IpAddress

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

LAST_RESERVED = "last_reserved_ip."
"""Before the number of a range set: the file with the address that was given last."""


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses from `start` to `end`, both included, without `gateway`, which may be outside."""

    subnet: IpNetwork
    start: IpAddress
    end: IpAddress
    gateway: IpAddress

    def __contains__(self, address: IpAddress) -> bool:
        return address.version == self.start.version and int(self.start) <= int(address) <= int(self.end)

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"

    def configured(self, address: IpAddress) -> Address:
        """The address as the result has it."""
        return Address(f"{address}/{self.subnet.prefixlen}", str(self.gateway))

    def between(self, first: int, last: int) -> Iterator[IpAddress]:
        """These addresses without the gateway."""
        kind = type(self.start)
        return (each for number in range(first, last + 1) if (each := kind(number)) != self.gateway)


@dataclass(frozen=True, slots=True)
class RangeSet:
    """Ranges of one family, of which one address is given: `requested`, or the next one."""

    ranges: tuple[Range, ...]
    requested: IpAddress | None = None

    def __str__(self) -> str:
        return ",".join(map(str, self.ranges))

    def range_of(self, address: IpAddress) -> Range | None:
        return next((each for each in self.ranges if address in each), None)

    def candidates(self, last: IpAddress | None) -> Iterator[tuple[Range, IpAddress]]:
        """Each address once, beginning after the one that was given last (`allocator.go: GetIter, Next`)."""
        current = None if last is None else self.range_of(last)
        if last is None or current is None:
            spans = [(each, int(each.start), int(each.end)) for each in self.ranges]
        else:
            at = self.ranges.index(current)
            others = (*self.ranges[at + 1 :], *self.ranges[:at])
            spans = [
                (current, int(last) + 1, int(current.end)),
                *((each, int(each.start), int(each.end)) for each in others),
                (current, int(current.start), int(last)),
            ]
        for each, first, end in spans:
            yield from ((each, address) for address in each.between(first, end))


@dataclass(frozen=True, slots=True)
class HostLocal:
    """What an attachment gets from host-local: an address of each range set, in the store of the network."""

    network: str
    range_sets: tuple[RangeSet, ...]
    routes: tuple[Route, ...] = ()

    def addressing(self, chosen: Sequence[Address]) -> Addressing:
        return Addressing(tuple(chosen), self.routes)


@dataclass(frozen=True, slots=True)
class Stored:
    """A network's store: names of all files, of those that the interface owns, and content of LAST_RESERVED by range set."""

    names: Collection[str]
    owned: Sequence[str]
    last_reserved: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """The addresses of the first range sets; `failure` says why there is none of the next one."""

    chosen: tuple[Address, ...]
    failure: AllocationError | None = None


def decide(recipe: HostLocal, stored: Stored, container_id: str) -> Decision:
    """One address of each range set, or the plugin's own error (`main.go: cmdAdd`)."""
    chosen: list[Address] = []
    for index, range_set in enumerate(recipe.range_sets):
        try:
            chosen.append(_choose(range_set, index, stored, container_id))
        except AllocationError as error:
            failure = AllocationError(f"failed to allocate for range {index}: {error.message}")
            return Decision(tuple(chosen), failure)
    return Decision(tuple(chosen))


def _choose(range_set: RangeSet, index: int, stored: Stored, container_id: str) -> Address:
    """`allocator.go: Get`. Raises AllocationError."""
    if range_set.requested is not None:
        return _requested(range_set, range_set.requested, stored)
    _refuse_second(range_set, stored, container_id)
    last = addresses.parse_ip(stored.last_reserved.get(index, ""))
    for each, address in range_set.candidates(last):
        if str(address) not in stored.names:
            return each.configured(address)
    raise AllocationError(f"no IP addresses available in range set: {range_set}")


def _requested(range_set: RangeSet, address: IpAddress, stored: Stored) -> Address:
    found = range_set.range_of(address)
    if found is None or str(address) in stored.names:
        raise AllocationError(f"requested IP address {address} is not available in range set {range_set}")
    return found.configured(address)


def _refuse_second(range_set: RangeSet, stored: Stored, container_id: str) -> None:
    """An interface has one address of a range set: a second ADD is refused, not answered again."""
    for name in stored.owned:
        address = addresses.parse_ip(name)
        if address is not None and range_set.range_of(address) is not None:
            raise AllocationError(
                f"{address} has been allocated to {container_id}, duplicate allocation is not allowed"
            )


def lease(container_id: str, ifname: str) -> bytes:
    """The content of an address's file (`disk/backend.go: Reserve`)."""
    return f"{container_id}\r\n{ifname}".encode()


def owner(content: bytes) -> tuple[str, str]:
    """Container ID and interface of a lease: no interface in a file of host-local before 0.7.0, neither in garbage."""
    container_id, _, ifname = content.decode(errors="replace").strip().partition("\r\n")
    return container_id, ifname


def is_address(name: str) -> bool:
    """Whether a file of the store is an address's."""
    return addresses.parse_ip(name) is not None


def released(
    leases: Mapping[str, tuple[str, str]], container_id: str, ifname: str, range_sets: int
) -> list[str]:
    """The files that DEL removes, given all owners (`disk/backend.go: ReleaseByID`).

    Those of the old format belong to any interface of the container. The plugin looks for them where it finds none of the
    new format, which with several range sets is the case when it comes to the second one.
    """
    exact = [name for name, found in leases.items() if found == (container_id, ifname)]
    old = [name for name, found in leases.items() if found == (container_id, "")]
    return exact if exact and range_sets == 1 else exact + old
