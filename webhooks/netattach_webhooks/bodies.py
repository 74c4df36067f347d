"""The bodies of requests, within limits: clients that send large ones slowly do not delay the reviews of others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

MAX_BODY = 4 * 2**20
"""Bytes. An object in etcd has at most 1.5 MiB, and an update comes with the old object."""

_MAX_TOTAL = 16 * MAX_BODY
"""Bytes of all bodies in memory."""


class TooLargeError(Exception):
    """The body has more than MAX_BODY bytes."""


class OverloadedError(Exception):
    """The bodies in memory have as many bytes as allowed; they are all complete, or arrived faster than this one."""


@dataclass(eq=False, slots=True)
class _Body:
    request: web.Request
    size: int = 0
    is_complete: bool = False


class Bodies:
    """All bodies in memory, at most `total` bytes.

    When they have more, the body that has been arriving for the longest time is given up: those of API servers arrive at once.
    """

    def __init__(self, total: int = _MAX_TOTAL) -> None:
        self._total = total
        self._bodies: dict[_Body, None] = {}
        self._size = 0

    @asynccontextmanager
    async def read(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body of a request; it counts until the end of the block. Raises TooLargeError and OverloadedError."""
        body = _Body(request)
        self._bodies[body] = None
        try:
            chunks = []
            while chunk := await request.content.readany():
                chunks.append(chunk)
                self._add(body, len(chunk))
            body.is_complete = True
            yield b"".join(chunks)
        finally:
            self._remove(body)

    def _add(self, body: _Body, size: int) -> None:
        if body not in self._bodies:
            raise OverloadedError
        body.size += size
        self._size += size
        if body.size > MAX_BODY:
            raise TooLargeError
        while self._size > self._total:
            oldest = next(each for each in self._bodies if not each.is_complete)
            if oldest is body:
                raise OverloadedError
            self._remove(oldest)
            oldest.request.content.set_exception(OverloadedError())

    def _remove(self, body: _Body) -> None:
        if body in self._bodies:
            del self._bodies[body]
            self._size -= body.size
