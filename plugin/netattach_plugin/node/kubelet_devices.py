"""The port Devices: asks the kubelet, over its unix socket, which devices it gave to a pod (gRPC, one call a connection)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error

from netattach_core.api.pod import PodRef
from netattach_core.devices import pod_resources, resource_slices
from netattach_core.devices.pod_resources import Allocated
from netattach_core.errors import DecodeError, NetattachError, TryAgainError

_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_MOST_BYTES = 16 << 20
_CHUNK = 1 << 16
_PREFIX = struct.Struct(">BI")  # whether compressed, and the message's length
_EXHAUSTED = 8  # the kubelet lets a hundred calls a second pass, ten at once


Slices = Callable[[str], Awaitable[Iterable[Mapping[str, Any]]]]


class KubeletDevices:
    """`socket` is the kubelet's; who has none, and needs no device, never notices. `slices` gives a driver's ResourceSlices."""

    def __init__(self, socket: Path, slices: Slices | None = None, seconds: float = _SECONDS) -> None:
        self._socket = socket
        self._slices = slices
        self._seconds = seconds

    async def of_pod(self, pod: PodRef) -> Mapping[str, tuple[str, ...]]:
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._get(pod) or await self._listed(pod)
        except TimeoutError as error:
            raise TryAgainError(f"{self._what(pod)}: it did not answer within {self._seconds:g} s") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise TryAgainError(f"{self._what(pod)}: {error}; is this the kubelet's socket?") from error
        except (H2Error, _CallError, DecodeError) as error:
            raise NetattachError(f"{self._what(pod)}: {error}") from error
        return {**found.claimed, **found.devices, **await self._published(found.allocated)}

    async def _published(self, allocated: Sequence[Allocated]) -> Mapping[str, tuple[str, ...]]:
        """Devices of claims by the resource that their driver names. Raises TryAgainError where the API is away."""
        if self._slices is None:
            return {}
        slices: list[Mapping[str, Any]] = []
        for driver in dict.fromkeys(each.driver for each in allocated):
            slices += await self._slices(driver)
        return resource_slices.devices(slices, allocated)

    def _what(self, pod: PodRef) -> str:
        return f"the kubelet cannot be asked at {self._socket} for the devices of pod {pod}"

    async def _get(self, pod: PodRef) -> pod_resources.PodDevices | None:
        """One pod's, of a kubelet that has the call (1.34, where it is not turned off)."""
        try:
            request = pod_resources.get_request(pod.namespace, pod.name)
            return pod_resources.get_response(await self._call(pod_resources.GET, request))
        except _CallError:
            return None

    async def _listed(self, pod: PodRef) -> pod_resources.PodDevices:
        answer = await self._call(pod_resources.LIST, pod_resources.list_request())
        return pod_resources.list_response(answer, pod.namespace, pod.name)

    async def _call(self, path: str, request: bytes) -> bytes:
        """The answer's message. Raises _CallError, OSError, H2Error; waits while too many ask."""
        while True:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                return await _Call(reader, writer).unary(path, request)
            except _CallError as error:
                if error.status != _EXHAUSTED:
                    raise
            finally:
                writer.close()
            await asyncio.sleep(_PAUSE_SECONDS)


class _CallError(Exception):
    """What the other side says instead of an answer: a status of gRPC, or -1 where it broke off."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{words} (gRPC status {status})" if status >= 0 else words)
        self.status = status


class _Call:
    """One unary call, and its connection with it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._said: dict[str, str] = {}
        self._body = bytearray()
        self._ended = False

    async def unary(self, path: str, request: bytes) -> bytes:
        self._http.initiate_connection()
        headers = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost"}
        headers |= {"content-type": "application/grpc", "te": "trailers"}
        self._http.send_headers(1, list(headers.items()))
        self._http.send_data(1, _PREFIX.pack(0, len(request)) + request, end_stream=True)
        while not self._ended:
            self._writer.write(self._http.data_to_send())
            await self._writer.drain()
            data = await self._reader.read(_CHUNK)
            if not data:
                raise _CallError(-1, "it hung up before its answer had come")
            self._hear(self._http.receive_data(data))
        return self._message()

    def _hear(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, ResponseReceived | TrailersReceived):
                self._said |= {str(name): str(value) for name, value in event.headers or ()}
            elif isinstance(event, DataReceived):
                self._body += event.data or b""
                self._http.acknowledge_received_data(event.flow_controlled_length or 0, 1)
                if len(self._body) > _MOST_BYTES:
                    raise _CallError(-1, f"its answer has more than {_MOST_BYTES} bytes")
            elif isinstance(event, StreamEnded):
                self._ended = True
            elif isinstance(event, StreamReset | ConnectionTerminated):
                raise _CallError(-1, f"it broke the call off (HTTP/2 error {event.error_code})")

    def _message(self) -> bytes:
        status = self._said.get("grpc-status", "")
        if status != "0":
            words = (
                self._said.get("grpc-message")
                or f"no answer of gRPC, HTTP status {self._said.get(':status')}"
            )
            raise _CallError(int(status) if status.isdigit() else -1, words)
        if len(self._body) < _PREFIX.size:
            raise _CallError(-1, "its answer holds no message")
        compressed, size = _PREFIX.unpack_from(self._body)
        if compressed or len(self._body) != _PREFIX.size + size:
            raise _CallError(-1, "its answer is not the one message that was asked for")
        return bytes(self._body[_PREFIX.size :])
