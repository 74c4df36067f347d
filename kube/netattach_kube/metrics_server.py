"""Metrics over TLS, for clients that the API server permits to read them; off without an address."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from netattach_core.errors import NetattachError
from netattach_kube import health, self_signed, tls_server
from netattach_kube.http_server import HttpServer, Limits
from netattach_kube.program_metrics import ProgramMetrics
from netattach_kube.scrape_access import PATH, Creator, ScrapeAccess

_log = logging.getLogger(__name__)

_LIMITS = Limits(connections=50, per_address=10)
"""Two Prometheus servers have a connection each."""

_PAUSE = 10.0
"""Seconds until the next attempt, as where another program has the port."""


class MetricsServer:
    """`port` is the one that it listens on, 0 before it does."""

    def __init__(self, address: str, tls: Path | None, metrics: ProgramMetrics, api: Creator) -> None:
        """`tls`: a directory with tls.crt and tls.key; without it, a self-signed certificate is created."""
        self.port = 0
        self._address = address
        self._tls = tls
        self._metrics = metrics
        self._access = ScrapeAccess(api)

    async def run(self) -> None:
        """Until it is cancelled; at once without an address. What fails is tried again: the program works without metrics."""
        while self._address:
            try:
                await self._serve()
            except (OSError, NetattachError) as error:
                _log.error("no metrics are served at %s, next attempt in %g s: %s", self._address, _PAUSE, error)  # fmt: skip
            await asyncio.sleep(_PAUSE)

    async def _serve(self) -> None:
        certificate = await _Certificate.loaded(self._tls)
        app = web.Application()
        app.router.add_get(PATH, self._answer, allow_head=False)
        server = HttpServer(app, _LIMITS, context=certificate.context)
        async with server.listening(self._address) as self.port:
            await asyncio.Event().wait()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        status = await self._access.status(authorization, request.remote or "")
        if status is HTTPStatus.OK:
            return health.exposition(self._metrics)
        headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
        return web.Response(status=status, text=f"{status.phrase}\n", headers=headers)


class _Certificate:
    """The context of the next connection. Files are read again when they change; a pair that cannot be used replaces none."""

    def __init__(self, directory: Path | None, context: ssl.SSLContext, seen: tuple[float, ...]) -> None:
        self._directory = directory
        self._context = context
        self._seen = seen

    @classmethod
    async def loaded(cls, directory: Path | None) -> _Certificate:
        """Raises OSError, of which SSLError is one, or NetattachError."""
        if directory is None:
            return cls(None, _context(await self_signed.created()), ())
        return cls(directory, _context(*_read(directory)), _times(directory))

    def context(self) -> ssl.SSLContext:
        if self._directory is not None:
            try:
                self._renew(self._directory)
            except OSError as error:
                _log.warning("the certificate for metrics in %s cannot be used: %s", self._directory, error)
        return self._context

    def _renew(self, directory: Path) -> None:
        """A file that cannot be used is looked at again once it has changed."""
        seen = _times(directory)
        if seen != self._seen:
            self._seen = seen
            self._context = _context(*_read(directory))


def _context(*texts: bytes) -> ssl.SSLContext:
    context = tls_server.server_context()
    with tls_server.memory_file(*texts) as path:
        tls_server.load(context, path)
    return context


def _read(directory: Path) -> tuple[bytes, ...]:
    return tuple(path.read_bytes() for path in _files(directory))


def _times(directory: Path) -> tuple[float, ...]:
    """Of the files that the kubelet's links lead to."""
    return tuple(os.stat(path).st_mtime for path in _files(directory))  # noqa: PTH116  # a microsecond for each connection


def _files(directory: Path) -> tuple[Path, Path]:
    return directory / "tls.crt", directory / "tls.key"
