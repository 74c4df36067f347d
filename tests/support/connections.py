"""POST over kept connections with little work, since a server is measured on the same machine."""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_END_OF_HEAD, _END_OF_LINE, _LAST_CHUNK = b"\r\n\r\n", b"\r\n", b"\r\n0\r\n\r\n"


class Connections:
    """As many connections as there are concurrent requests; each is used by one request at a time."""

    def __init__(self, url: str, token: str, trusted: ssl.SSLContext | None) -> None:
        self._host = urlsplit(url)
        self._trusted = trusted
        self._head = f" HTTP/1.1\r\nHost: {self._host.netloc}\r\nAuthorization: Bearer {token}\r\n".encode()
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
        """The status and text of the answer to this JSON. Raises OSError where there is none."""
        connection = self._taken() or await self._made()
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            answer = await connection.asked(b"POST " + path.encode() + self._head + length.encode() + body)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _taken(self) -> _Connection | None:
        """The one used last, so that the server closes the others in time."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _made(self) -> _Connection:
        loop = asyncio.get_running_loop()
        host, port = self._host.hostname or "", self._host.port or 443
        _, made = await loop.create_connection(_Connection, host, port, ssl=self._trusted)
        return made


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, str]] | None = None
        self._received = bytearray()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def asked(self, request: bytes) -> tuple[int, str]:
        if self._transport is None:
            raise ConnectionError("the server has ended the connection")
        self._received.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server has ended the connection"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        whole = parsed(bytes(self._received))
        if whole is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(whole)


def parsed(received: bytes) -> tuple[int, str] | None:
    """Status and text of an answer; None while it is incomplete."""
    head, found, body = received.partition(_END_OF_HEAD)
    if not found:
        return None
    lines = head.lower().split(_END_OF_LINE)
    status = int(lines[0].split()[1])
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return (status, body.decode()) if len(body) >= int(value) else None
    # JSON has no such line ends of its own.
    whole = (_END_OF_LINE + body).endswith(_LAST_CHUNK)
    return (status, _unchunked(body).decode()) if whole else None


def _unchunked(body: bytes) -> bytes:
    text = b""
    while body:
        size, _, body = body.partition(_END_OF_LINE)
        length = int(size, 16)
        text, body = text + body[:length], body[length + len(_END_OF_LINE) :]
    return text
