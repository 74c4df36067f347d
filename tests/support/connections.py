"""Writes over persistent connections, with little CPU time: a load must not slow down the server that it measures."""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_END_OF_HEAD, _END_OF_LINE, _LAST_CHUNK = b"\r\n\r\n", b"\r\n", b"\r\n0\r\n\r\n"


class Connections:
    """A pool with as many connections as there are requests at once."""

    def __init__(self, url: str, token: str, trusted: ssl.SSLContext | None) -> None:
        self._host = urlsplit(url)
        self._trusted = trusted
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._head = f" HTTP/1.1\r\nHost: {self._host.netloc}\r\n{authorization}".encode()
        self._idle: list[_Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._idle:
            connection.close()
        await asyncio.sleep(0)

    async def post(self, path: str, body: bytes) -> tuple[int, str]:
        """Sends this JSON; the status and text of the response. Raises OSError if there is none."""
        return await self.request("POST", path, body, "application/json")

    async def request(self, method: str, path: str, body: bytes, content_type: str) -> tuple[int, str]:
        """The same with another method and type."""
        connection = self._pop_idle() or await self._connect()
        about = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            start = f"{method} {path}".encode() + self._head + about.encode()
            response = await connection.send(start + body)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return response

    def _pop_idle(self) -> _Connection | None:
        """The connection used last, so that the server may close the others when they are idle."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        host, port = self._host.hostname or "", self._host.port or 443
        _, connection = await loop.create_connection(_Connection, host, port, ssl=self._trusted)
        return connection


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._response: asyncio.Future[tuple[int, str]] | None = None
        self._received = bytearray()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def send(self, request: bytes) -> tuple[int, str]:
        if self._transport is None:
            raise ConnectionError("the server closed the connection")
        self._received.clear()
        self._response = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._response is not None and not self._response.done():
            self._response.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        response = parse(bytes(self._received))
        if response is not None and self._response is not None and not self._response.done():
            self._response.set_result(response)


def parse(received: bytes) -> tuple[int, str] | None:
    """Status and text of a response; None while it is incomplete."""
    head, found, body = received.partition(_END_OF_HEAD)
    if not found:
        return None
    lines = head.lower().split(_END_OF_LINE)
    status = int(lines[0].split()[1])
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return (status, body.decode()) if len(body) >= int(value) else None
    # JSON contains no such line endings itself.
    is_complete = (_END_OF_LINE + body).endswith(_LAST_CHUNK)
    return (status, _decode_chunks(body).decode()) if is_complete else None


def _decode_chunks(body: bytes) -> bytes:
    text = b""
    while body:
        size, _, body = body.partition(_END_OF_LINE)
        length = int(size, 16)
        text, body = text + body[:length], body[length + len(_END_OF_LINE) :]
    return text
