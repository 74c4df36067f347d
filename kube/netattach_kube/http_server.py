"""An HTTP server with limits on connections, so that clients that send little and wait long cost nobody else anything.

aiohttp has no timeout for a request's header, and asyncio's TLS server no limit on connections, each of which has 256 KiB of
buffer before the client has sent a byte. So this module accepts connections itself, and hands them over to both.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web

from netattach_kube import environment, tls_buffers
from netattach_kube.connection_quota import ConnectionQuota, Slot

_log = logging.getLogger(__name__)

PeerCertificate = Mapping[str, Any] | None
"""What `SSLSocket.getpeercert` returns for a client's verified certificate; None or empty without one."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BACKLOG = 1024
"""Connections that the kernel keeps until they are accepted."""

_PAUSE = 0.1
"""Seconds after a failed accept(2): without a free file descriptor, it would fail again at once."""

_SHUTDOWN = 1.0
"""Seconds that a client has to confirm the end of a TLS connection."""

_HEADER_SIZE = {"max_headers": 32, "max_field_size": 4096, "max_line_size": 4096}
"""Bytes; an API server sends a dozen, of which one may be a token."""

_NO_CERTIFICATE = "PEER_DID_NOT_RETURN_A_CERTIFICATE"


class Closed(enum.StrEnum):
    """Why the server closed a connection, or did not accept it."""

    REFUSED = "refused"
    """All connections that could make room have requests in progress."""

    EVICTED = "evicted"
    """It made room for a new one."""

    HANDSHAKE = "handshake"
    """The TLS handshake failed or took too long."""

    CLIENT_CERTIFICATE = "client-certificate"
    """The client has no certificate, or not one that is accepted."""

    FIRST_BYTE = "first-byte"
    """It sent no request."""

    HEADER = "header"
    """A request's header took too long."""

    RESPONSE = "response"
    """The client did not read the response."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds.

    The API server opens as many connections as it has requests, at most 600 by default, and keeps 25.
    """

    connections: int = 800
    per_address: int = 400
    handshake: float = 5.0
    first_byte: float = 10.0
    """For the first request of a connection. It does not apply to an address that has sent a valid request on another open
    connection: the pool of an API server has connections that it has not used yet."""

    header: float = 5.0
    response: float = 5.0
    idle: float = 600.0
    """For the next request. API servers close idle connections after 90 s; if the server closed one first, a request sent at
    that moment would be lost."""


def _ignore(_: Closed) -> None:
    return


def _anybody(_: PeerCertificate) -> str | None:
    return None


class HttpServer:
    """Serves an application within limits. The application must not have started yet.

    `context` returns the TLS context of the next connection; None means plain HTTP. `closed` is called for each connection that
    the server closes for a reason of its own. `refusal` returns why the client with this certificate is not served; its requests
    are answered with 403 and this text.
    """

    def __init__(
        self,
        app: web.Application,
        limits: Limits = Limits(),
        *,
        context: Callable[[], ssl.SSLContext] | None = None,
        closed: Callable[[Closed], None] = _ignore,
        refusal: Callable[[PeerCertificate], str | None] = _anybody,
        **options: Any,
    ) -> None:
        self.limits = limits
        self.quota = ConnectionQuota(limits.connections, limits.per_address)
        self.closed = closed
        self.refusal = refusal
        self._context = context
        self._connections: dict[asyncio.BaseTransport, _Connection] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._is_closing = False
        app.middlewares.insert(0, _tracked(self._connections))
        options = {"keepalive_timeout": limits.idle, "lingering_time": _SHUTDOWN, **_HEADER_SIZE, **options}
        self._runner = web.AppRunner(app, access_log=None, **options)

    @asynccontextmanager
    async def listening(self, address: str) -> AsyncIterator[int]:
        """Listens on `host:port` (port 0: any free one) until the end of the block; yields the port."""
        if self._context:
            tls_buffers.use_small()
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            with _listener(address) as listener:
                loop.add_reader(listener, self._accept, listener)
                try:
                    yield listener.getsockname()[1]
                finally:
                    self._is_closing = True
                    loop.remove_reader(listener)
        finally:
            await self._runner.cleanup()
            self.close_connections()

    def close_connections(self) -> None:
        """Closes all open connections: those without a request in progress at once, the others after their response."""
        for task in self._handshakes:
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close_soon()

    def new_protocol(self) -> asyncio.Protocol:
        """aiohttp's, for one connection."""
        return cast(Callable[[], asyncio.Protocol], self._runner.server)()

    def _accept(self, listener: socket.socket) -> None:
        """Accepts one connection; open ones get their turn before the next."""
        try:
            accepted, peer = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # the client has gone already
            return
        except OSError as error:
            _log.warning("cannot accept connections: %s", error)
            self._pause(listener)
            return
        self._hand_over(accepted, peer[0])

    def _pause(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listener)
        loop.call_later(_PAUSE, lambda: self._is_closing or loop.add_reader(listener, self._accept, listener))

    def _hand_over(self, accepted: socket.socket, address: str) -> None:
        """Starts the TLS handshake, if there is room for the connection."""
        accepted.setblocking(False)
        connection = _Connection(self, self._connections)
        slot = self.quota.take(address, connection.evict)
        if slot is None:
            accepted.close()
            self.closed(Closed.REFUSED)
            return
        connection.slot = slot
        connection.handshake = asyncio.create_task(self._handshake(accepted, connection))  # noqa: TID251  # a callback has no group
        self._handshakes.add(connection.handshake)
        connection.handshake.add_done_callback(self._handshakes.discard)

    async def _handshake(self, accepted: socket.socket, connection: _Connection) -> None:
        context = self._context() if self._context else None
        times = {"ssl_handshake_timeout": self.limits.handshake, "ssl_shutdown_timeout": _SHUTDOWN}
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, accepted, ssl=context, **(times if context else {})
            )
        except OSError as error:
            lacks = isinstance(error, ssl.SSLError) and error.reason == _NO_CERTIFICATE
            is_refused = lacks or isinstance(error, ssl.SSLCertVerificationError)
            self.closed(Closed.CLIENT_CERTIFICATE if is_refused else Closed.HANDSHAKE)
            error.__traceback__ = None  # its frames refer to the error, and keep the connection's buffers
        finally:
            connection.handshake_ended()


class _Connection(asyncio.Protocol):
    """Passes everything on to aiohttp's protocol, and closes the connection when the client takes too long."""

    slot: Slot
    handler: asyncio.Protocol
    handshake: asyncio.Task[None] | None = None
    """As long as the TLS handshake lasts; a finished task would keep the connection's buffers, which it refers to."""

    def __init__(self, server: HttpServer, connections: dict[asyncio.BaseTransport, _Connection]) -> None:
        self.refusal: str | None = None
        self._server = server
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._deadline: tuple[float, Closed] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_in_header = False
        self._close_after_response = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections[transport] = self
        self.refusal = self._server.refusal(transport.get_extra_info("peercert"))
        self.handler = self._server.new_protocol()
        self.handler.connection_made(transport)
        self._limit(self._server.limits.first_byte, Closed.FIRST_BYTE)

    def data_received(self, data: bytes) -> None:
        if not self.slot.is_busy and not self._is_in_header:
            self._is_in_header = True
            self._limit(self._server.limits.header, Closed.HEADER)
        self.handler.data_received(data)

    def eof_received(self) -> None:
        self.handler.eof_received()

    def pause_writing(self) -> None:
        self.handler.pause_writing()

    def resume_writing(self) -> None:
        self.handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline = None
        self._set_timer(None)
        if self._transport is not None:
            self._connections.pop(self._transport, None)
        self._server.quota.release(self.slot)
        self.handler.connection_lost(exc)

    def handshake_ended(self) -> None:
        """Without success, there will never be a `connection_lost`."""
        self.handshake = None
        if self._transport is None:
            self._server.quota.release(self.slot)

    def evict(self) -> None:
        """Makes room for another connection."""
        if self.handshake is not None and self._transport is None:
            self.handshake.cancel()
            self._server.closed(Closed.EVICTED)
        else:
            self._abort(Closed.EVICTED)

    def close_soon(self) -> None:
        """At once, or after the response to the request in progress."""
        self._close_after_response = True
        if not self.slot.is_busy and self._transport is not None:
            self._transport.abort()

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Calls the handler and writes its response; the connection is not evicted meanwhile."""
        self._deadline = None
        self._server.quota.begin(self.slot)
        is_valid = False
        try:
            response = await _response(request, self._refuse if self.refusal else handler)
            if self._is_last(request, response):
                response.force_close()
            await self._write(request, response)
            is_valid = response.status == HTTPStatus.OK
        finally:
            self._is_in_header = False
            self._server.quota.end(self.slot, valid=is_valid)
        if not self.slot.is_used:
            self._limit(self._server.limits.first_byte, Closed.FIRST_BYTE)
        return response

    def _is_last(self, request: web.Request, response: web.StreamResponse) -> bool:
        """Whether to close the connection: no API server sends an invalid request, or only a part of one."""
        is_invalid = HTTPStatus.BAD_REQUEST <= response.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return is_invalid or self._close_after_response or not request.content.is_eof()

    async def _refuse(self, _: web.Request) -> web.StreamResponse:
        self._server.closed(Closed.CLIENT_CERTIFICATE)
        return web.Response(status=HTTPStatus.FORBIDDEN, text=f"{self.refusal}\n")

    async def _write(self, request: web.Request, response: web.StreamResponse) -> None:
        """aiohttp notices by itself that a client has gone, where it would write the response."""
        self._limit(self._server.limits.response, Closed.RESPONSE)
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:  # the client has gone, or the limit has passed
            pass
        finally:
            self._deadline = None

    def _limit(self, seconds: float, why: Closed) -> None:
        """Closes the connection after so many seconds, unless there is another limit or a request by then.

        A timer that is set already looks at the limit when it expires: one for each limit would take much of a request's time.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        self._deadline = (deadline, why)
        if self._timer is None or self._timer.when() > deadline:
            self._set_timer(deadline)

    def _set_timer(self, when: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = (
            None if when is None else asyncio.get_running_loop().call_at(when, self._timer_expired, when)
        )

    def _timer_expired(self, when: float) -> None:
        self._timer = None
        if self._deadline is None:
            return
        deadline, why = self._deadline
        if deadline > when:
            self._set_timer(deadline)
        else:
            self._deadline = None
            self._expired(why)

    def _expired(self, why: Closed) -> None:
        if why is Closed.FIRST_BYTE and self._server.quota.is_known(self.slot):
            return  # aiohttp closes it after `idle`
        self._abort(why)

    def _abort(self, why: Closed) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.abort()
            self._server.closed(why)


def _tracked(connections: dict[asyncio.BaseTransport, _Connection]) -> Any:
    """The middleware that tells a connection that its request has arrived."""

    @web.middleware
    async def respond(request: web.Request, handler: Handler) -> web.StreamResponse:
        transport = request.transport
        connection = connections.get(transport) if transport is not None else None
        if connection is None:  # the client has gone
            return web.Response()
        return await connection.respond(request, handler)

    return respond


async def _response(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, text=error.text)


def _listener(address: str) -> socket.socket:
    """Without a host, it listens on all addresses, of both IP versions where the kernel has both."""
    host, port = environment.split_address(address)
    dual = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in (host or "") else socket.AF_INET
    listener = socket.create_server((host or "", port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    listener.setblocking(False)
    return listener
