"""What native drivers need and give, as Protocols: interfaces in a pod and on the node, and addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from netattach_core.cni import result as cni_result
from netattach_core.errors import NetattachError
from netattach_core.native.addressing import Addressing
from netattach_core.native.recipe import Ipam, Link, Tuning
from netattach_core.shim.protocol import Sysctl

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Created:
    """What the driver of a plugin has created: the interfaces of the result, the pod's last, and that one's index.

    `sysctls` have to be written before it is brought up, `addressed` only if it gets addresses. One that `stays_down` is not
    brought up. `forwarding`, by IP version, has to be written before, and to succeed, where it gets such addresses.
    `on_node`: what has to be done on the node afterwards.
    """

    plugin: str
    interfaces: tuple[cni_result.Interface, ...]
    index: int
    sysctls: tuple[Sysctl, ...] = ()
    addressed: tuple[Sysctl, ...] = ()
    stays_down: bool = False
    forwarding: Mapping[int, Sysctl] = field(default_factory=dict)
    on_node: NodeSide | None = None


@dataclass(frozen=True, slots=True)
class OnNode:
    """Further interfaces on the node, and sysctls that have to be written there: those that are `required` also have to succeed.

    With a `failure`, as much as was done before it.
    """

    interfaces: tuple[cni_result.Interface, ...] = ()
    sysctls: tuple[Sysctl, ...] = ()
    required: tuple[Sysctl, ...] = ()
    failure: NetattachError | None = None


class NodeSide(Protocol):
    """What a driver does on the node once the pod's interface has its addresses. Its methods may wait: for threads."""

    def configure(self, addressing: Addressing | None) -> OnNode:
        """Sets up what the addresses need on the node, as gateways."""

    def interfaces(self) -> tuple[cni_result.Interface, ...] | None:
        """Those of the result as they are now, None while they are not ready. Raises NetattachError."""


class NativeLinks(Protocol):
    """The interfaces that native drivers create in one pod. Each method ends with the first failure, which is its last value."""

    async def create(
        self, wanted: Sequence[tuple[str, Link]], then: Callable[[], _T]
    ) -> tuple[Sequence[Created | NetattachError], _T | None]:
        """Creates interfaces, by name, in their order; unless one fails, does `then` in the same thread, and returns that too."""

    async def configure(
        self, wanted: Sequence[tuple[Created, Addressing | None]]
    ) -> Sequence[Created | NetattachError]:
        """Gives each its addresses and routes, and brings it up."""

    async def configure_node(self, wanted: Sequence[tuple[Created, Addressing | None]]) -> Sequence[OnNode]:
        """Does for each what its `on_node` has to do; the last one may have a failure."""

    async def tune(self, wanted: Sequence[tuple[str, Tuning]]) -> Sequence[NetattachError | None]:
        """Changes interfaces, by name."""

    async def interfaces(
        self, wanted: Sequence[Created]
    ) -> Sequence[tuple[cni_result.Interface, ...] | NetattachError]:
        """Those of the result, once they are ready."""


class AddressStore(Protocol):
    """The addresses that native drivers give. The methods block: they are called in a thread."""

    def allocate(
        self, container_id: str, wanted: Sequence[tuple[str, Ipam | None]]
    ) -> Sequence[Addressing | NetattachError | None]:
        """Addresses by interface, None for one without IPAM; ends with the first failure, which is the last value."""

    def release(
        self, container_id: str, wanted: Sequence[tuple[str, Ipam | None]]
    ) -> Mapping[str, NetattachError]:
        """Releases what each interface has, and returns the failures by interface."""
