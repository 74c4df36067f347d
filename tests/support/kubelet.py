"""A kubelet's pod-resources socket: real HTTP/2 and gRPC, with faults on demand."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, WindowUpdated

from netattach_core.devices import pod_resources

Containers = Sequence[Mapping[str, Sequence[str]]]


def message(*parts: tuple[int, bytes | str | int]) -> bytes:
    """A protobuf message of these fields."""
    return b"".join(_field(number, value) for number, value in parts)


def _field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + _varint(value >> 7) if value > 0x7F else bytes([value])


def claim(name: str, *devices: str, driver: str = "nic.vendor.com", pool: str = "node1") -> bytes:
    """DynamicResource; its devices have CDI names that end with theirs."""
    held = [
        message((1, message((1, f"vendor.com/nic={device}"))), (2, driver), (3, pool), (4, device))
        for device in devices
    ]
    return message((2, name), (3, "ns"), *((4, each) for each in held))


def pod(namespace: str, name: str, containers: Containers, claims: Sequence[bytes] = ()) -> bytes:
    """PodResources: each container's devices by resource, and claims that all containers share."""
    held = [
        message(
            *((2, message((1, r), *((2, d) for d in ids))) for r, ids in c.items()),
            *((5, each) for each in claims),
        )
        for c in containers
    ]
    return message((1, name), (2, namespace), *((3, each) for each in held))


@dataclass
class Kubelet:
    """`pods` by namespace/name. Without `has_get` it is older than 1.34. It rejects the first `busy` calls.

    It does not answer if it `hangs`, `disconnects` instead, or sends `raw`; `padding` makes List's answer long. `claims`, from
    `claim`, are those of every pod.
    """

    pods: Mapping[str, Containers] = field(default_factory=dict)
    has_get: bool = True
    busy: int = 0
    hangs: bool = False
    disconnects: bool = False
    raw: bytes | None = None
    padding: int = 0
    claims: Sequence[bytes] = ()
    calls: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, writer)
        try:
            while data := await reader.read(1 << 16):
                if not await connection.receive(data):
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()

    def answer(self, path: str, request: bytes) -> tuple[int, str, bytes]:
        """gRPC status, its text, the message."""
        self.calls.append(path.rpartition("/")[2])
        if self.busy:
            self.busy -= 1
            return 8, "rejected by rate limit", b""
        if path == pod_resources.LIST:
            filler = [
                (1, pod("other", f"p{number}", [{"a/b": ["x" * 100]}])) for number in range(self.padding)
            ]
            known = [(1, self._pod(key)) for key in self.pods]
            return 0, "", message(*filler, *known)
        if not self.has_get:
            return 2, "Pod Resources API Get method disabled", b""
        for key in self.pods:
            namespace, _, name = key.partition("/")
            if request == pod_resources.get_request(namespace, name):
                return 0, "", message((1, self._pod(key)))
        return 2, "pod not found", b""

    def _pod(self, key: str) -> bytes:
        namespace, _, name = key.partition("/")
        return pod(namespace, name, self.pods[key], self.claims)


class _Connection:
    """The connection of one client."""

    def __init__(self, kubelet: Kubelet, writer: asyncio.StreamWriter) -> None:
        self._kubelet = kubelet
        self._writer = writer
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._http.initiate_connection()
        self._path = ""
        self._body = b""
        self._left = b""
        self._trailers: list[tuple[str, str]] = []

    async def receive(self, data: bytes) -> bool:
        """Returns whether the connection stays open."""
        for event in self._http.receive_data(data):
            if isinstance(event, RequestReceived):
                self._path = next(str(value) for name, value in event.headers or () if str(name) == ":path")
            elif isinstance(event, DataReceived):
                self._body += event.data or b""
            elif isinstance(event, StreamEnded):
                if self._kubelet.hangs:
                    self._kubelet.calls.append("hang")
                    continue
                if self._kubelet.disconnects:
                    return False
                if self._kubelet.raw is not None:
                    self._writer.write(self._kubelet.raw)
                    return False
                self._answer()
            elif isinstance(event, WindowUpdated):
                self._send()
        self._writer.write(self._http.data_to_send())
        await self._writer.drain()
        return True

    def _answer(self) -> None:
        _, size = struct.unpack_from(">BI", self._body)
        status, text, body = self._kubelet.answer(self._path, self._body[5 : 5 + size])
        headers = [(":status", "200"), ("content-type", "application/grpc")]
        self._trailers = [("grpc-status", str(status)), *([("grpc-message", text)] if text else [])]
        if status:
            self._http.send_headers(1, headers + self._trailers, end_stream=True)
            self._trailers = []
            return
        self._http.send_headers(1, headers)
        self._left = struct.pack(">BI", 0, len(body)) + body
        self._send()

    def _send(self) -> None:
        """As much as the client's flow-control window allows."""
        if not self._trailers:
            return
        while self._left and (
            room := min(self._http.local_flow_control_window(1), self._http.max_outbound_frame_size)
        ):
            self._http.send_data(1, self._left[:room])
            self._left = self._left[room:]
        if not self._left:
            self._http.send_headers(1, self._trailers, end_stream=True)
            self._trailers = []


@contextlib.asynccontextmanager
async def serving(kubelet: Kubelet, path: Path) -> AsyncIterator[None]:
    """In this event loop."""
    server = await asyncio.start_unix_server(kubelet.serve, path)
    async with server:
        yield


@contextlib.contextmanager
def serving_in_thread(kubelet: Kubelet, path: Path) -> Iterator[None]:
    """For tests that block."""
    loop = asyncio.new_event_loop()
    started, stop = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with serving(kubelet, path):
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    started.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        path.unlink(missing_ok=True)
