"""One unary gRPC call over a connection that is open already.

A module of its own, because HTTP/2 takes 1.4 MiB, and only a node with pods that have devices needs it.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable

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

from netattach_plugin.node.grpc_error import CallError

_MAX_BYTES = 16 << 20
_CHUNK = 1 << 16
_PREFIX = struct.Struct(">BI")  # gRPC: whether the message is compressed, and its length


async def unary(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, request: bytes
) -> bytes:
    """The response message. Raises CallError, OSError."""
    try:
        return await _Call(reader, writer).unary(path, request)
    except H2Error as error:
        raise CallError(-1, str(error)) from error


class _Call:
    """One unary call and its connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._headers: dict[str, str] = {}
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
                raise CallError(-1, "it closed the connection before answering")
            self._handle(self._http.receive_data(data))
        return self._message()

    def _handle(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, ResponseReceived | TrailersReceived):
                self._headers |= {str(name): str(value) for name, value in event.headers or ()}
            elif isinstance(event, DataReceived):
                self._body += event.data or b""
                self._http.acknowledge_received_data(event.flow_controlled_length or 0, 1)
                if len(self._body) > _MAX_BYTES:
                    raise CallError(-1, f"its answer has more than {_MAX_BYTES} bytes")
            elif isinstance(event, StreamEnded):
                self._ended = True
            elif isinstance(event, StreamReset | ConnectionTerminated):
                raise CallError(-1, f"it cancelled the call (HTTP/2 error {event.error_code})")

    def _message(self) -> bytes:
        status = self._headers.get("grpc-status", "")
        if status != "0":
            problem = (
                self._headers.get("grpc-message")
                or f"its answer is not gRPC, HTTP status {self._headers.get(':status')}"
            )
            raise CallError(int(status) if status.isdigit() else -1, problem)
        if len(self._body) < _PREFIX.size:
            raise CallError(-1, "its answer has no message")
        compressed, size = _PREFIX.unpack_from(self._body)
        if compressed or len(self._body) != _PREFIX.size + size:
            raise CallError(-1, "its answer is not one uncompressed message")
        return bytes(self._body[_PREFIX.size :])
