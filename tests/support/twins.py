"""Twins of the daemon's ports: the same promises, held in memory, with failures that a test can inject."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netattach_core.api import inventory, nad, networks_annotation
from netattach_core.api.call_record import CallRecord
from netattach_core.api.inventory import NetworkFile, NodeAddress, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.pod import Pod, PodRef
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.attach.sandbox import Sandbox
from netattach_core.cni.request import CniRequest
from netattach_core.devices import device_info
from netattach_core.errors import ConfigError, DecodeError, NetattachError, NotFoundError, TryAgainError
from netattach_core.policy.case import KnownDevices
from netattach_core.shim.protocol import Outcome, Ran, Sysctl
from netattach_plugin.ports import Leases, Ledger
from support.twins_of_links import FakePodLinks


@dataclass
class MemoryStore:
    """The port Store; `unreachable` makes every call fail as without an API server, `refused` names pods."""

    objects: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    unreachable: bool = False
    refused: set[str] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)

    def create(self, body: dict[str, Any]) -> None:
        """As another client of the API."""
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
        metadata["annotations"] = {
            **(metadata.get("annotations") or {}),
            networks_annotation.NETWORK_STATUS: text,
        }

    async def publish_inventory(self, inventory_: NodeInventory) -> None:
        self._reach()
        self.objects["NodeNetworkInventory", "", inventory_.node] = inventory.to_dict(inventory_)

    async def node_labels(self) -> Mapping[str, str]:
        self._reach()
        return self.labels

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
class MemoryLedger(Ledger):
    """The port Ledger; `history` keeps each saved entry, `fail_on_save` has the numbers of the saves that the disk refuses."""

    entries: dict[str, Sandbox] = field(default_factory=dict)
    history: list[Sandbox] = field(default_factory=list)
    fail_on_save: frozenset[int] = frozenset()
    broken: set[str] = field(default_factory=set)
    is_read_only: bool = False

    async def load(self, container_id: str) -> Sandbox | None:
        if container_id in self.broken:
            raise DecodeError("not a ledger entry: half of it is missing")
        return self.entries.get(container_id)

    async def save(self, sandbox: Sandbox) -> None:
        self.history.append(sandbox)
        if len(self.history) in self.fail_on_save:
            raise OSError(28, "No space left on device")
        self.entries[sandbox.container_id] = sandbox

    async def save_without_sync(self, sandbox: Sandbox) -> None:
        await self.save(sandbox)

    async def remove(self, container_id: str) -> None:
        if self.is_read_only:
            raise OSError(30, "Read-only file system")
        self.entries.pop(container_id, None)
        self.broken.discard(container_id)

    async def container_ids(self) -> Sequence[str]:
        return sorted({*self.entries, *self.broken})


@dataclass
class MemoryLeases(Leases):
    """The port Leases; `held` has those that host-local did not release, `ownerless` the files that nobody can."""

    leased: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    held: frozenset[tuple[str, str]] = frozenset()
    ownerless: list[str] = field(default_factory=list)

    async def of_sandbox(self, container_id: str) -> Sequence[tuple[str, str]]:
        return self.leased.get(container_id, ())

    async def still_held(
        self, container_id: str, leases: Iterable[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        return [each for each in leases if each in self.held]

    async def remove_ownerless(self) -> Sequence[str]:
        removed, self.ownerless = self.ownerless, []
        return removed


@dataclass
class MemoryCaches:
    """The port AttachmentCaches; `problem` is why they cannot be read."""

    found: tuple[Attachment, ...] = ()
    problem: str = ""
    forgotten: list[Sandbox] = field(default_factory=list)

    async def attachments(self, request: CniRequest) -> tuple[Attachment, ...]:
        if self.problem:
            raise DecodeError(self.problem)
        return self.found

    async def forget(self, sandbox: Sandbox) -> None:
        self.forgotten.append(sandbox)


@dataclass
class FixedNetworks:
    """The port NodeNetworks."""

    default: Network | None
    named: Mapping[str, Network] = field(default_factory=dict)

    def default_network(self) -> Network:
        if self.default is None:
            raise TryAgainError("no default network yet")
        return self.default

    def by_name(self, name: str) -> Network | None:
        return self.named.get(name)

    def by_file(self, name: str) -> Network | None:
        return next((each for each in self.named.values() if each.file == name), None)

    def files(self) -> tuple[NetworkFile, ...]:
        return tuple(NetworkFile(each.file, name) for name, each in self.named.items())


@dataclass
class FixedDevices:
    """The port Devices: those of every pod, and the ids of those of other pods; `asked` counts."""

    devices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    of_others: frozenset[str] = frozenset()
    unreachable: bool = False
    asked: int = 0

    async def of_pod(self, pod: PodRef) -> Mapping[str, tuple[str, ...]]:
        self.asked += 1
        if self.unreachable:
            raise TryAgainError("the kubelet cannot be asked")
        return self.devices

    async def known(self, pod: PodRef) -> KnownDevices:
        devices = await self.of_pod(pod)
        return KnownDevices(frozenset(itertools.chain(*devices.values())), self.of_others)


@dataclass
class MemoryDeviceFiles:
    """The port DeviceFiles: `written` by path; `known` is what device plugins write, by device."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: dict[str, dict[str, Any]] = field(default_factory=dict)
    full: bool = False

    def with_paths(self, call: CniRequest, attachments: Iterable[Attachment]) -> tuple[Attachment, ...]:
        return tuple(device_info.with_file(each, "/d", call.container_id) for each in attachments)

    def prepare(self, attachments: Iterable[Attachment]) -> None:
        for each in attachments:
            if self.full and device_info.file_of(each):
                raise NetattachError("its device-info file cannot be written")
            known = self.known.get(each.runtime_config.get("deviceID", ""))
            if known:
                self.written[device_info.file_of(each)] = known

    def read(self, attachments: Iterable[Attachment]) -> dict[str, dict[str, Any]]:
        files = {each.ifname: self.written.get(device_info.file_of(each)) for each in attachments}
        return {ifname: info for ifname, info in files.items() if info}

    def remove(self, attachments: Iterable[Attachment]) -> None:
        for each in attachments:
            self.written.pop(device_info.file_of(each), None)


@dataclass(frozen=True)
class PluginRun:
    """A plugin that the shim has run."""

    verb: str
    ifname: str
    plugin: str
    stdin: dict[str, object]
    environment: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.verb} {self.ifname} {self.plugin}"


Reply = Callable[[PluginRun], Ran]


@dataclass
class FakeShim:
    """The port Shim: plugins succeed and create their link, unless `replies` has a reply for `VERB ifname plugin`.

    A sysctl is written unless `errnos` has an errno for its path.
    """

    links: FakePodLinks
    netns: int | None = 3
    route_sockets: Sequence[int] = ()
    cancellation: asyncio.Event = field(default_factory=asyncio.Event)
    deadline: float = 100.0
    replies: dict[str, Reply] = field(default_factory=dict)
    runs: list[PluginRun] = field(default_factory=list)
    running: int = 0
    most_concurrent: int = 0
    writes_sysctls: bool = True
    sysctls: list[Sysctl] = field(default_factory=list)
    errnos: dict[str, int] = field(default_factory=dict)

    @property
    def cancelled(self) -> bool:
        return self.cancellation.is_set()

    def seconds_left(self) -> float:
        return self.deadline

    async def run(self, plugin: str, stdin: bytes, environment: Mapping[str, str], deadline: float) -> Ran:
        run = PluginRun(
            environment["CNI_COMMAND"], environment["CNI_IFNAME"], plugin, json.loads(stdin), environment
        )
        self.runs.append(run)
        self.running += 1
        self.most_concurrent = max(self.most_concurrent, self.running)
        try:
            if run.verb == "ADD":
                self.links.add(run.ifname)
            await asyncio.sleep(0.01)
            return self.replies.get(str(run), succeeded)(run)
        finally:
            self.running -= 1

    async def write_sysctls(self, sysctls: Sequence[Sysctl]) -> Sequence[int]:
        if not self.writes_sysctls:
            raise TryAgainError("the shim is of an earlier release")
        await asyncio.sleep(0)
        errnos = [self.errnos.get(sysctl.path, 0) for sysctl in sysctls]
        self.sysctls += [sysctl for sysctl, errno in zip(sysctls, errnos, strict=True) if not errno]
        return errnos

    def ran(self, verb: str) -> list[str]:
        """`VERB ifname plugin` of each run of this verb."""
        return [str(run) for run in self.runs if run.verb == verb]


def succeeded(run: PluginRun) -> Ran:
    """A plugin that creates its interface."""
    if run.verb != "ADD":
        return Ran(1, Outcome.EXITED, 0, b"", b"")
    result = {
        "cniVersion": run.stdin["cniVersion"],
        "interfaces": [{"name": run.ifname, "mac": "02:00:00:00:00:01", "sandbox": "/n"}],
        "ips": [{"address": "10.0.0.2/24", "interface": 0}],
    }
    return Ran(1, Outcome.EXITED, 0, json.dumps(result).encode(), b"")


def failed(message: str) -> Reply:
    """A plugin that fails with this message."""
    error = json.dumps({"code": 999, "msg": message}).encode()
    return lambda _: Ran(1, Outcome.EXITED, 1, error, b"")


class RecordedTimings:
    """The port Timings: the last duration of each phase, and the networks with their outcomes."""

    def __init__(self) -> None:
        self.phases: dict[tuple[str, str], float] = {}
        self.networks: list[tuple[str, str, bool]] = []

    def phase(self, command: str, phase: str, seconds: float) -> None:
        self.phases[command, phase] = seconds

    def network(self, command: str, network: str, seconds: float, *, succeeded: bool) -> None:
        self.networks.append((command, network, succeeded))


@dataclass
class RecordingEvents:
    """The port Events."""

    added_to: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)
    lacking: dict[str, list[str]] = field(default_factory=dict)
    records: list[CallRecord | None] = field(default_factory=list)

    def added(self, ref: PodRef, messages: Iterable[str], record: CallRecord | None = None) -> None:
        self.records.append(record)
        self.added_to.setdefault(str(ref), []).extend(messages)

    def failed(self, ref: PodRef, message: str, record: CallRecord | None = None) -> None:
        self.records.append(record)
        self.failures.setdefault(str(ref), []).append(message)

    def missing(self, ref: PodRef, message: str) -> None:
        self.lacking.setdefault(str(ref), []).append(message)


@dataclass
class RecordingStatusSink:
    """The port StatusSink; records what was awaited apart from what was not."""

    written: dict[str, str] = field(default_factory=dict)
    enqueued: dict[str, str] = field(default_factory=dict)
    on_write: Callable[[], None] = lambda: None

    async def write(self, ref: PodRef, text: str) -> None:
        self.on_write()
        self.written[str(ref)] = text

    def enqueue(self, ref: PodRef, text: str) -> asyncio.Future[None]:
        self.enqueued[str(ref)] = text
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done
