"""What the engine needs of the world, as Protocols; the edges fill them, and tests fill them with twins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from netattach_core.api.inventory import DefaultInterface, Interface, NetworkFile, NodeAddress, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.pod import Pod, PodRef
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.attach.default_route import DefaultRoute
from netattach_core.attach.plan import Carrier, Step, Verb
from netattach_core.attach.sandbox import Sandbox
from netattach_core.cni.request import CniRequest
from netattach_core.shim.protocol import Ran


class Store(Protocol):
    """The API, as the daemon sees it. Every method raises TryAgainError where the API cannot be reached."""

    async def pod(self, ref: PodRef) -> Pod | None:
        """The pod; None where there is none, or only one of that name with another UID."""

    async def nad(self, namespace: str, name: str) -> Nad | None:
        """The NAD, one created just now included; None where there is none. Raises ConfigError where it cannot be read."""

    async def write_status(self, ref: PodRef, text: str) -> None:
        """Sets the network-status annotation and changes nothing else. Raises NotFoundError where the pod is gone."""

    async def publish_inventory(self, inventory: NodeInventory) -> None:
        """Makes this node's inventory known."""

    async def node_addresses(self) -> Sequence[NodeAddress]:
        """Those by which the cluster knows this node, as far as they are known yet; asks nobody."""

    async def node_labels(self) -> Mapping[str, str]:
        """This node's labels in the cluster, likewise."""


class StatusSink(Protocol):
    """Where network-status goes."""

    async def deliver(self, ref: PodRef, text: str) -> None:
        """Returns when it is written or a bounded time has passed; what is not written by then is written later."""

    def deliver_later(self, ref: PodRef, text: str) -> None:
        """Returns at once. For plain pods, which may be told nothing at all by the cluster's settings."""


class PlainStatusSink(Protocol):
    """Where network-status of pods goes that the shim attached alone."""

    async def deliver_plain(self, ref: PodRef, text: str) -> None:
        """Returns when it is written, will never be, or is not to be."""


class Events(Protocol):
    """What people are told of a pod; told beside the call, and a lost one is no failure."""

    def added(self, ref: PodRef, messages: Iterable[str]) -> None:
        """The interfaces that it got, one message each."""

    def failed(self, ref: PodRef, message: str) -> None:
        """Why it got none."""


class Ledger(Protocol):
    """The sandboxes of this node on disk. A save has reached the disk when it returns."""

    async def load(self, container_id: str) -> Sandbox | None:
        """Raises DecodeError for an entry that cannot be read."""

    async def save(self, sandbox: Sandbox) -> None:
        """Raises OSError where the disk refuses."""

    async def note(self, sandbox: Sandbox) -> None:
        """A save that outlives us, but not a loss of power. Raises OSError likewise."""

    async def remove(self, container_id: str) -> None:
        """Succeeds where there is none. Raises OSError where the disk refuses."""

    async def leases(self, container_id: str) -> Sequence[tuple[str, str]]:
        """What host-local has noted of the sandbox: networks and interfaces."""

    async def still_leased(
        self, container_id: str, leases: Iterable[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        """Those of the leases, networks and addresses, that host-local still keeps for the sandbox."""

    async def container_ids(self) -> Sequence[str]:
        """Those of all entries, of such as cannot be read too."""


class Foreign(Protocol):
    """What others noted of sandboxes that they attached: Multus, or the runtime by the default network alone."""

    async def attachments(self, call: CniRequest) -> tuple[Attachment, ...]:
        """In the order of their ADD; without the default network where nobody noted it. Raises DecodeError."""

    async def forget(self, sandbox: Sandbox) -> None:
        """These attachments are freed, or in the ledger: nobody else is to free them again."""


class Devices(Protocol):
    """The devices of this node."""

    async def of_pod(self, pod: PodRef) -> Mapping[str, Sequence[str]]:
        """Those that the pod was given, by resource or claim. Raises TryAgainError where nobody answers."""


class DeviceFiles(Protocol):
    """What device plugins and CNI plugins tell of the devices behind interfaces, a file for each attachment."""

    def named(self, call: CniRequest, attachments: Iterable[Attachment]) -> tuple[Attachment, ...]:
        """The attachments with their files' paths; nothing is touched."""

    def prepare(self, attachments: Iterable[Attachment]) -> None:
        """Makes room for each file, and writes what is known before the plugins run. Raises NetattachError."""

    def told(self, attachments: Iterable[Attachment]) -> Mapping[str, Mapping[str, Any]]:
        """What the files say, by interface name."""

    def remove(self, attachments: Iterable[Attachment]) -> None:
        """Succeeds where there are none."""


class NodeNetworks(Protocol):
    """The networks that stand as files in the node's CNI configuration directory."""

    def primary(self) -> Network:
        """The cluster's default network, the one in the settings first. Raises TryAgainError where there is none yet."""

    def by_name(self, name: str) -> Network | None:
        """The network that has this name in its JSON text, for NADs without a configuration."""

    def by_file(self, name: str) -> Network | None:
        """The network in the file of this name. Raises TryAgainError where that cannot be read yet."""

    def files(self) -> tuple[NetworkFile, ...]:
        """All that can be read, by the files' names."""


class Routes(Protocol):
    """The default routes of one pod. Every method raises OSError where the kernel refuses."""

    async def all(self) -> Sequence[DefaultRoute]:
        """Those of the main table, in the kernel's order."""

    async def remove(self, route: DefaultRoute) -> None:
        """Takes one away, with all its hops."""

    async def add(self, route: DefaultRoute) -> None:
        """Sets one with a single hop."""


class PodLinks(Protocol):
    """The links in one pod's network namespace."""

    async def names(self) -> frozenset[str]:
        """All that are there now."""

    async def appeared(self, name: str) -> None:
        """Returns when a link of that name is there; one that came since the namespace was opened counts."""

    def routes(self) -> AbstractAsyncContextManager[Routes]:
        """The routes of these links, as they are from now on."""


class Links(Protocol):
    """The kernel's links."""

    def open(self, netns: int) -> AbstractAsyncContextManager[PodLinks]:
        """A look into the namespace behind this descriptor."""

    async def interfaces(self) -> tuple[Interface, ...]:
        """Those of the node."""

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        """Those that carry a default route of the node, with the reasons."""


class Caller(Protocol):
    """The runtime behind a call."""

    @property
    def given_up(self) -> asyncio.Event:
        """Set when nobody waits for the answer any more."""

    def seconds_left(self) -> float:
        """How long it is taken to wait; below 0 when that is over."""


class Shim(Caller, Protocol):
    """The process that the runtime started and that runs plugins for us."""

    @property
    def netns(self) -> int | None:
        """A descriptor of the pod's network namespace, None where the runtime gave none."""

    @property
    def cancelled(self) -> bool:
        """Whether the runtime has given up; all plugins have ended then."""

    async def run(self, plugin: str, stdin: bytes, environment: Mapping[str, str], deadline: float) -> Ran:
        """Runs a plugin. Raises TryAgainError where the shim is gone."""


class Executor(Protocol):
    """Carries out the steps of one carrier."""

    async def execute(self, verb: Verb, step: Step, previous: str | None) -> str:
        """The step's result as text, "" where it has none. Raises NetattachError."""


Executors = Mapping[Carrier, Executor]


class Versions(Protocol):
    """The plugin binaries of this node."""

    async def installed(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        """Each binary's name and the CNI versions that it says it speaks."""
