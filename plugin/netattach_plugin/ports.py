"""What the engine needs of the world, as Protocols; the edges fill them, and tests fill them with twins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from netattach_core.attachment import Network
from netattach_core.inventory import DefaultInterface, Interface, NodeAddress, NodeInventory
from netattach_core.nad import Nad
from netattach_core.plan import Carrier, Step, Verb
from netattach_core.pod import Pod, PodRef
from netattach_core.sandbox import Sandbox
from netattach_core.shim_protocol import Ran


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


class StatusSink(Protocol):
    """Where network-status goes."""

    async def deliver(self, ref: PodRef, text: str) -> None:
        """Returns when it is written or a bounded time has passed; what is not written by then is written later."""

    def deliver_later(self, ref: PodRef, text: str) -> None:
        """Returns at once. For plain pods, which may be told nothing at all by the cluster's settings."""


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

    async def remove(self, container_id: str) -> None:
        """Succeeds where there is none."""


class NodeNetworks(Protocol):
    """The networks that stand as files in the node's CNI configuration directory."""

    def primary(self) -> Network:
        """The cluster's default network. Raises TryAgainError where there is none yet."""

    def by_name(self, name: str) -> Network | None:
        """The network that has this name in its JSON text, for NADs without a configuration."""


class PodLinks(Protocol):
    """The links in one pod's network namespace."""

    async def names(self) -> frozenset[str]:
        """All that are there now."""

    async def appeared(self, name: str) -> None:
        """Returns when a link of that name is there; one that came since the namespace was opened counts."""


class Links(Protocol):
    """The kernel's links."""

    def open(self, netns: int) -> AbstractAsyncContextManager[PodLinks]:
        """A look into the namespace behind this descriptor."""

    async def interfaces(self) -> tuple[Interface, ...]:
        """Those of the node."""

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        """Those that carry a default route of the node, with the reasons."""


class Shim(Protocol):
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
