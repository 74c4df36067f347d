"""What the daemon needs of the world, as Protocols, one concern each; adapters implement them, tests have twins of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from netattach_core.api.call_record import CallRecord
from netattach_core.api.inventory import DefaultInterface, Interface, NetworkFile, NodeAddress, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.pod import Pod, PodRef
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.attach.default_route import DefaultRoute
from netattach_core.attach.sandbox import Sandbox
from netattach_core.cni.request import CniRequest
from netattach_core.errors import NetattachError
from netattach_core.policy.case import KnownDevices, Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_plugin.native_ports import NativeLinks


class PodReader(Protocol):
    """Pods of the API."""

    async def pod(self, ref: PodRef) -> Pod | None:
        """None for no such pod, or for one of that name with another UID. Raises TryAgainError without the API."""


class NadReader(Protocol):
    """NADs of the API."""

    async def nad(self, namespace: str, name: str) -> Nad | None:
        """Also one that was created a moment ago; None for no such NAD.

        Raises ConfigError for one that cannot be read, TryAgainError without the API.
        """


class StatusWriter(Protocol):
    """The network-status annotation of pods."""

    async def write_status(self, ref: PodRef, text: str) -> None:
        """Changes nothing else. Raises NotFoundError where the pod is gone, TryAgainError without the API."""


class InventoryWriter(Protocol):
    """The inventory of this node in the API."""

    async def publish_inventory(self, inventory: NodeInventory) -> None:
        """Creates or replaces it. Raises TryAgainError without the API."""


class NodeInfo(Protocol):
    """The Node object of this node."""

    async def node_addresses(self) -> Sequence[NodeAddress]:
        """Addresses that the cluster uses for this node."""

    async def node_labels(self) -> Mapping[str, str]:
        """Raises TryAgainError where they are not known."""


class Store(PodReader, NadReader, StatusWriter, InventoryWriter, NodeInfo, Protocol):
    """The whole API, for the wiring; each consumer takes one of the ports above."""


class StatusSink(Protocol):
    """Writes network-status in the background, with retries."""

    async def write(self, ref: PodRef, text: str) -> None:
        """Returns when it is written, or after a bounded time; retries go on in the background."""

    def enqueue(self, ref: PodRef, text: str) -> Awaitable[None]:
        """For pods without secondary networks. Need not be awaited; done when it is written, cannot be, or is switched off."""


class Events(Protocol):
    """Events on pods: asynchronous, best effort."""

    def added(self, ref: PodRef, messages: Iterable[str], record: CallRecord | None = None) -> None:
        """One message for each interface; `record` is what the call took."""

    def failed(self, ref: PodRef, message: str, record: CallRecord | None = None) -> None:
        """Why the pod could not be attached; `record` as above."""

    def missing(self, ref: PodRef, message: str) -> None:
        """Which networks a running pod lacks, and why."""


class Timings(Protocol):
    """How long calls take."""

    def phase(self, command: str, phase: str, seconds: float) -> None:
        """A phase of one call has ended."""

    def network(self, command: str, network: str, seconds: float, *, succeeded: bool) -> None:
        """One network of one call is done."""


class Ledger(Protocol):
    """The sandboxes of this node on disk. A save has reached the disk when it returns."""

    async def load(self, container_id: str) -> Sandbox | None:
        """Raises DecodeError for an entry that cannot be read, LaterReleaseError for one that only a later release can read."""

    async def save(self, sandbox: Sandbox) -> None:
        """Raises OSError where the disk refuses."""

    async def save_without_sync(self, sandbox: Sandbox) -> None:
        """A save that survives the daemon; after a loss of power the entry may be the one before. Raises OSError."""

    async def remove(self, container_id: str) -> None:
        """Succeeds for no such entry. Raises OSError where the disk refuses."""

    async def container_ids(self) -> Sequence[str]:
        """Of all entries, also of those that cannot be read."""

    async def sandboxes(self, unreadable: Callable[[str, Exception], object]) -> AsyncIterator[Sandbox]:
        """All entries; for one that cannot be read, `unreadable` is called with its container id and the error, and may raise."""
        for container_id in await self.container_ids():
            await asyncio.sleep(0)  # calls go on meanwhile
            try:
                sandbox = await self.load(container_id)
            except (NetattachError, OSError) as error:
                unreadable(container_id, error)
                continue
            if sandbox is not None:
                yield sandbox


class Leases(Protocol):
    """The leases of host-local on this node."""

    async def of_sandbox(self, container_id: str) -> Sequence[tuple[str, str]]:
        """Networks and interfaces, sorted."""

    async def still_held(
        self, container_id: str, leases: Iterable[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        """Those of the leases, networks and addresses, that the sandbox still has."""

    async def remove_ownerless(self) -> Sequence[str]:
        """Removes leases that nobody can release, and returns their files."""


class AttachmentCaches(Protocol):
    """What Multus and libcni have cached of sandboxes that were attached without netattach."""

    async def attachments(self, request: CniRequest) -> tuple[Attachment, ...]:
        """In the order of their ADD; without the default network where no cache has it. Raises DecodeError."""

    async def forget(self, sandbox: Sandbox) -> None:
        """Removes what is cached of a sandbox that is detached or in the ledger, so that it is not detached twice."""


class Devices(Protocol):
    """The devices of this node."""

    async def of_pod(self, pod: PodRef) -> Mapping[str, Sequence[str]]:
        """The pod's devices, by resource or claim. Raises TryAgainError where the kubelet does not answer."""

    async def known(self, pod: PodRef) -> KnownDevices:
        """The ids of the pod's devices, and of those of the node's other pods. Raises like `of_pod`."""


class DeviceFiles(Protocol):
    """Device-info files of attachments, one each, written by device plugins and CNI plugins."""

    def with_paths(self, call: CniRequest, attachments: Iterable[Attachment]) -> tuple[Attachment, ...]:
        """The attachments with the paths of their files; touches nothing."""

    def prepare(self, attachments: Iterable[Attachment]) -> None:
        """Writes what is known before the plugins run. Raises NetattachError."""

    def read(self, attachments: Iterable[Attachment]) -> Mapping[str, Mapping[str, Any]]:
        """The contents of the files, by interface name."""

    def remove(self, attachments: Iterable[Attachment]) -> None:
        """Succeeds for attachments without a file."""


class NodeNetworks(Protocol):
    """The networks in the node's CNI configuration directory."""

    def default_network(self) -> Network:
        """The default network: the one in the settings, else the first. Raises TryAgainError while there is none."""

    def by_name(self, name: str) -> Network | None:
        """The network with this name in its JSON text, for NADs with an empty config."""

    def by_file(self, name: str) -> Network | None:
        """The network in the file of this name. Raises TryAgainError while that cannot be read."""

    def files(self) -> tuple[NetworkFile, ...]:
        """All that can be read, sorted by file name."""


class Routes(Protocol):
    """The default routes of one pod. Every method raises OSError where the kernel refuses."""

    async def all(self) -> Sequence[DefaultRoute]:
        """Those of the main table, in the kernel's order."""

    async def remove(self, route: DefaultRoute) -> None:
        """Removes a route with all its hops."""

    async def add(self, route: DefaultRoute) -> None:
        """Adds a route with a single hop."""


class PodLinks(Protocol):
    """The links in one pod's network namespace."""

    async def existing(self, names: Collection[str]) -> frozenset[str]:
        """Those of the names that a link has."""

    async def appeared(self, name: str) -> None:
        """Returns when a link of that name exists."""

    def routes(self) -> AbstractAsyncContextManager[Routes]:
        """The routes in this namespace."""

    def native(self, path: str) -> AbstractAsyncContextManager[NativeLinks]:
        """For native drivers; `path` is the runtime's of this namespace. No routes meanwhile. Raises NetattachError."""


class Policies(Protocol):
    """The policy of namespaces: the settings, applied to their labels."""

    async def of_namespace(self, namespace: str) -> NamespacePolicy:
        """Raises TryAgainError while the labels of the namespace are not known."""


class NodeSurroundings(Protocol):
    """What policy has to know of this node and of the cluster's networks."""

    async def current(self) -> Surroundings:
        """The same object until something changes. Raises TryAgainError while it is not known yet."""


class Links(Protocol):
    """The kernel's links."""

    def open(self, netns: int, route_sockets: Sequence[int] = ()) -> AbstractAsyncContextManager[PodLinks]:
        """The links in the namespace of this descriptor, over the shim's sockets in it where it has passed some.

        Raises EnvironmentVariableError for no network namespace, TryAgainError without the sockets that it takes.
        """

    def names(self, netns: int) -> frozenset[str]:
        """Of the links in the namespace of this descriptor. Raises OSError where the kernel does not list them."""

    async def delete(self, netns: int | None, names: Collection[str], first: Callable[[], None]) -> None:
        """In one thread: `first`, then deletes the links of these names, as far as they exist. Raises OSError.

        `netns` is the descriptor of their namespace, None for one that is gone, with its links.
        """

    async def interfaces(self) -> tuple[Interface, ...]:
        """Those of the node."""

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        """Those that carry a default route of the node, with the reasons."""
