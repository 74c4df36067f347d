"""A driver of dynamic resource allocation on a node: registered with its kubelet and called by it, over real gRPC.

It has one device. Its ResourceSlice, class and claims are the test's, as a driver's own controller would write them
(kubelet/pkg/apis/pluginregistration/v1 and dra/v1, their messages by hand).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded

from e2e.lab.places import WORK
from support.kubelet import message

_REGISTRATION, _DRIVER = "/pluginregistration.Registration/", "/k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin/"
_UID = re.compile(rb"\x12\x24([0-9a-f-]{36})")  # field 2 of a Claim, 36 bytes


@dataclass
class Driver:
    """`prepared` are the UIDs of the claims that the kubelet has prepared and not released."""

    name: str
    pool: str
    device: str
    request: str
    registered: threading.Event = field(default_factory=threading.Event)
    prepared: set[str] = field(default_factory=set)

    def answer(self, path: str, body: bytes) -> bytes:
        """The message of a unary call."""
        claims = [uid.decode() for uid in _UID.findall(body)]
        match path.removeprefix(_REGISTRATION).removeprefix(_DRIVER):
            case "GetInfo":
                return message((1, "DRAPlugin"), (2, self.name), (4, "v1.DRAPlugin"))
            case "NotifyRegistrationStatus":
                if body == message((1, 1)):
                    self.registered.set()
                return b""
            case "NodePrepareResources":
                self.prepared.update(claims)
                device = message((1, self.request), (2, self.pool), (3, self.device))
                return _by_claim(claims, message((1, device)))
            case "NodeUnprepareResources":
                self.prepared.difference_update(claims)
                return _by_claim(claims, b"")
        raise AssertionError(f"the kubelet asks for {path}")


def _by_claim(claims: list[str], told: bytes) -> bytes:
    return message(*((1, message((1, uid), (2, told))) for uid in claims))


class _Connection:
    """A connection of the kubelet, which keeps it for many calls."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._calls: dict[int, tuple[str, bytearray]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._http.initiate_connection()
        try:
            with contextlib.suppress(ConnectionError):
                await self._converse(reader, writer)
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        while True:
            for event in self._http.receive_data(data) if data else ():
                self._hear(event)
            writer.write(self._http.data_to_send())
            await writer.drain()
            data = await reader.read(1 << 16)
            if not data:
                return

    def _hear(self, event: Event) -> None:
        if isinstance(event, RequestReceived) and event.stream_id:
            path = next(str(value) for name, value in event.headers or () if str(name) == ":path")
            self._calls[event.stream_id] = path, bytearray()
        elif isinstance(event, DataReceived) and event.stream_id:
            self._calls[event.stream_id][1].extend(event.data or b"")
            self._http.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, StreamEnded) and event.stream_id:
            path, body = self._calls.pop(event.stream_id)
            self._answer(event.stream_id, self._driver.answer(path, bytes(body[5:])))

    def _answer(self, stream: int, body: bytes) -> None:
        """Small enough for every window."""
        self._http.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        self._http.send_data(stream, struct.pack(">BI", 0, len(body)) + body)
        self._http.send_headers(stream, [("grpc-status", "0")], end_stream=True)


@contextlib.contextmanager
def running(driver: Driver, node: str) -> Iterator[Driver]:
    """Yields once the node's kubelet has registered it; only for a node on the machine's kernel."""
    path = WORK / node / "var/lib/kubelet/plugins_registry" / f"{driver.name}.sock"
    path.unlink(missing_ok=True)  # an earlier run's
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(driver, path, stop)))
    thread.start()
    try:
        assert driver.registered.wait(60), f"the kubelet of {node} does not take the driver {driver.name}"
        yield driver
    finally:
        path.unlink(missing_ok=True)
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _serve(driver: Driver, path: Path, stop: asyncio.Event) -> None:
    calls: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.add(asyncio.ensure_future(_Connection(driver).serve(reader, writer)))

    server = await asyncio.start_unix_server(connected, path)
    await stop.wait()
    server.close()
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await asyncio.sleep(0)  # what they closed is closed in the loop's next round
