"""Twins of the daemon's ports: the same promises, held in memory, with failures that a test can order."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from netattach_core import annotation, inventory, nad
from netattach_core.attachment import Network
from netattach_core.errors import ConfigError, NotFoundError, TryAgainError
from netattach_core.inventory import DefaultInterface, Interface, NodeAddress, NodeInventory
from netattach_core.nad import Nad
from netattach_core.pod import Pod, PodRef
from netattach_core.sandbox import Sandbox
from netattach_core.shim_protocol import Outcome, Ran


@dataclass
class MemoryStore:
    """The port Store; `unreachable` makes every call fail as an API that is away does, `refused` names pods."""

    objects: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    unreachable: bool = False
    refused: set[str] = field(default_factory=set)

    def create(self, body: dict[str, Any]) -> None:
        """As somebody else would."""
        metadata = body["metadata"]
        self.objects[body["kind"], metadata["namespace"], metadata["name"]] = copy.deepcopy(body)

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        return self.objects[kind, namespace, name]

    async def pod(self, ref: PodRef) -> Pod | None:
        metadata = self._pod_metadata(ref)
        if metadata is None:
            return None
        return Pod(PodRef(ref.namespace, ref.name, metadata["uid"]), metadata.get("annotations") or {})

    async def nad(self, namespace: str, name: str) -> Nad | None:
        self._reach()
        body = self.objects.get(("NetworkAttachmentDefinition", namespace, name))
        return None if body is None else nad.from_body(body)

    async def write_status(self, ref: PodRef, text: str) -> None:
        metadata = self._pod_metadata(ref)
        if metadata is None:
            raise NotFoundError(f"pod {ref} is gone")
        if str(ref) in self.refused:
            raise ConfigError(f"pod {ref} cannot be changed")
        metadata["annotations"] = {**(metadata.get("annotations") or {}), annotation.NETWORK_STATUS: text}

    async def publish_inventory(self, inventory_: NodeInventory) -> None:
        self._reach()
        self.objects["NodeNetworkInventory", "", inventory_.node] = inventory.to_dict(inventory_)

    async def node_addresses(self) -> tuple[NodeAddress, ...]:
        return ()

    def _pod_metadata(self, ref: PodRef) -> dict[str, Any] | None:
        self._reach()
        body = self.objects.get(("Pod", ref.namespace, ref.name))
        if body is None or ref.uid not in ("", body["metadata"]["uid"]):
            return None
        metadata: dict[str, Any] = body["metadata"]
        return metadata

    def _reach(self) -> None:
        if self.unreachable:
            raise TryAgainError("the API server cannot be reached")


@dataclass
class MemoryLedger:
    """The port Ledger; `history` keeps each saved entry, `fail_on_save` the numbers of saves that the disk refuses."""

    entries: dict[str, Sandbox] = field(default_factory=dict)
    history: list[Sandbox] = field(default_factory=list)
    fail_on_save: frozenset[int] = frozenset()

    async def load(self, container_id: str) -> Sandbox | None:
        return self.entries.get(container_id)

    async def save(self, sandbox: Sandbox) -> None:
        self.history.append(sandbox)
        if len(self.history) in self.fail_on_save:
            raise OSError(28, "No space left on device")
        self.entries[sandbox.container_id] = sandbox

    async def remove(self, container_id: str) -> None:
        self.entries.pop(container_id, None)


@dataclass
class FixedNetworks:
    """The port NodeNetworks."""

    default: Network | None
    named: Mapping[str, Network] = field(default_factory=dict)

    def primary(self) -> Network:
        if self.default is None:
            raise TryAgainError("no default network yet")
        return self.default

    def by_name(self, name: str) -> Network | None:
        return self.named.get(name)


@dataclass
class FakePodLinks:
    """The port PodLinks: links appear when a plugin of FakeShim says so."""

    present: set[str] = field(default_factory=lambda: {"lo"})
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def names(self) -> frozenset[str]:
        return frozenset(self.present)

    async def appeared(self, name: str) -> None:
        while name not in self.present:
            self.changed.clear()
            await self.changed.wait()

    def add(self, name: str) -> None:
        self.present.add(name)
        self.changed.set()


@dataclass
class FakeLinks:
    """The port Links over one pod's links."""

    pod: FakePodLinks

    def open(self, netns: int) -> AbstractAsyncContextManager[FakePodLinks]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[FakePodLinks]:
            yield self.pod

        return opened()

    async def interfaces(self) -> tuple[Interface, ...]:
        return ()

    async def default_interfaces(self) -> tuple[DefaultInterface, ...]:
        return ()


@dataclass(frozen=True)
class Ask:
    """One run that was asked of the shim."""

    verb: str
    ifname: str
    plugin: str
    stdin: dict[str, object]
    environment: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.verb} {self.ifname} {self.plugin}"


Reply = Callable[[Ask], Ran]


@dataclass
class FakeShim:
    """The port Shim: plugins succeed and make their link, unless `replies` says otherwise for `VERB ifname plugin`."""

    links: FakePodLinks
    netns: int | None = 3
    cancelled: bool = False
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0

    async def run(self, plugin: str, stdin: bytes, environment: Mapping[str, str], deadline: float) -> Ran:
        ask = Ask(
            environment["CNI_COMMAND"], environment["CNI_IFNAME"], plugin, json.loads(stdin), environment
        )
        self.asked.append(ask)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        try:
            if ask.verb == "ADD":
                self.links.add(ask.ifname)
            await asyncio.sleep(0.01)
            return self.replies.get(str(ask), succeeded)(ask)
        finally:
            self.running -= 1

    def words(self, verb: str) -> list[str]:
        return [str(ask) for ask in self.asked if ask.verb == verb]


def succeeded(ask: Ask) -> Ran:
    """A plugin that made its interface."""
    if ask.verb != "ADD":
        return Ran(1, Outcome.EXITED, 0, b"", b"")
    result = {
        "cniVersion": ask.stdin["cniVersion"],
        "interfaces": [{"name": ask.ifname, "mac": "02:00:00:00:00:01", "sandbox": "/n"}],
        "ips": [{"address": "10.0.0.2/24", "interface": 0}],
    }
    return Ran(1, Outcome.EXITED, 0, json.dumps(result).encode(), b"")


def failed(message: str) -> Reply:
    """A plugin that says why it cannot."""
    error = json.dumps({"code": 999, "msg": message}).encode()
    return lambda _: Ran(1, Outcome.EXITED, 1, error, b"")


@dataclass
class RecordingEvents:
    """The port Events."""

    added_to: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)

    def added(self, ref: PodRef, messages: Iterable[str]) -> None:
        self.added_to.setdefault(str(ref), []).extend(messages)

    def failed(self, ref: PodRef, message: str) -> None:
        self.failures.setdefault(str(ref), []).append(message)


@dataclass
class RecordingSink:
    """The port StatusSink; remembers what was awaited and what was not."""

    delivered: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    on_delivery: Callable[[], None] = lambda: None

    async def deliver(self, ref: PodRef, text: str) -> None:
        self.on_delivery()
        self.delivered[str(ref)] = text

    def deliver_later(self, ref: PodRef, text: str) -> None:
        self.later[str(ref)] = text
