"""Clients that wait, send slowly, or read nothing: real connections on loopback, with short limits."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from netattach_kube import http_server
from netattach_kube.http_server import Closed, HttpServer, Limits

LONG, SHORT = 60.0, 0.2
"""Seconds: for what has to happen within a test, and for what must not."""

PATIENT = Limits(first_byte=LONG, header=LONG, response=LONG)
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Harness:
    """A server that answers `GET /` once `released` is set, and `GET /large` with more than a socket holds."""

    def __init__(self, limits: Limits) -> None:
        self.closed = Counter[Closed]()
        self.released = asyncio.Event()
        self.released.set()
        self.arrived = asyncio.Event()
        app = web.Application()
        app.router.add_get("/", self._answer)
        app.router.add_get("/large", _large)
        self.server = HttpServer(app, limits, closed=lambda why: self.closed.update([why]))
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, sent: bytes = b"", host: str = "127.0.0.1") -> Connection:
        """From this address to the server."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(host, 0))
        self._writers.append(writer)
        writer.write(sent)
        return reader, writer

    async def answered(self, connection: Connection, sent: bytes = GET) -> bytes:
        """The status line and headers of the response."""
        connection[1].write(sent)
        head = await connection[0].readuntil(b"\r\n\r\n")
        await connection[0].readexactly(3 if b"Content-Length: 3" in head else 0)
        return head

    def disconnect(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _answer(self, _: web.Request) -> web.Response:
        self.arrived.set()
        await self.released.wait()
        return web.Response(text="ok\n")


async def _large(_: web.Request) -> web.Response:
    return web.Response(body=bytes(2**24))


@asynccontextmanager
async def serving(limits: Limits) -> AsyncIterator[Harness]:
    harness = Harness(limits)
    async with harness.server.listening("127.0.0.1:0") as harness.port:
        try:
            yield harness
        finally:
            harness.disconnect()


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), LONG))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # the kernel has no event for it
        await asyncio.sleep(0.01)


async def ended(connection: Connection) -> bool:
    """Waits until the server has closed it."""
    try:
        return await connection[0].read() is not None
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    ("limits", "sent", "why"),
    [
        (replace(PATIENT, first_byte=SHORT), b"", Closed.FIRST_BYTE),
        (replace(PATIENT, header=SHORT), b"G", Closed.HEADER),
        (replace(PATIENT, header=SHORT), GET[:-1], Closed.HEADER),
    ],
    ids=["nothing", "one byte", "half a header"],
)
def test_a_client_that_does_not_complete_its_header_is_disconnected(
    limits: Limits, sent: bytes, why: Closed
) -> None:
    async def scenario() -> None:
        async with serving(limits) as harness:
            assert await ended(await harness.connect(sent))
            assert {why: 1} == harness.closed
            await until(lambda: harness.server.quota.count == 0)

    run(scenario)


def test_a_dribbled_header_is_not_given_more_time_for_each_byte() -> None:
    async def dribble(writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"X-A: b\r\n")
            await asyncio.sleep(SHORT / 5)

    async def scenario() -> None:
        async with serving(replace(PATIENT, header=SHORT)) as harness, asyncio.TaskGroup() as tasks:
            connection = await harness.connect(GET[:-2])
            dribbling = tasks.create_task(dribble(connection[1]))

            assert await ended(connection)
            assert {Closed.HEADER: 1} == harness.closed
            dribbling.cancel()

    run(scenario)


def test_the_second_request_has_a_limit_too() -> None:
    async def scenario() -> None:
        async with serving(replace(PATIENT, header=SHORT)) as harness:
            connection = await harness.connect(GET)
            await harness.answered(connection, b"")
            connection[1].write(GET[:-1])

            assert await ended(connection)
            assert {Closed.HEADER: 1} == harness.closed

    run(scenario)


def test_the_limit_of_an_earlier_request_does_not_end_a_later_one() -> None:
    """One timer serves all limits of a connection, and expires while the later request is in progress."""

    async def scenario() -> None:
        async with serving(replace(PATIENT, header=SHORT, response=SHORT)) as harness:
            connection = await harness.connect()
            await harness.answered(connection)
            harness.released.clear()
            harness.arrived.clear()
            connection[1].write(GET)
            await harness.arrived.wait()
            await asyncio.sleep(2 * SHORT)
            harness.released.set()
            assert b"200 OK" in await connection[0].readuntil(b"ok\n")
            connection[1].write(b"G")

            assert await ended(connection)
            assert {Closed.HEADER: 1} == harness.closed

    run(scenario)


def test_a_connection_that_has_sent_a_valid_request_stays_open_until_the_idle_timeout() -> None:
    async def scenario() -> None:
        async with serving(replace(PATIENT, first_byte=SHORT, header=SHORT, idle=0.5)) as harness:
            started = asyncio.get_running_loop().time()
            connection = await harness.connect(GET)
            await harness.answered(connection, b"")

            assert await ended(connection)
            assert asyncio.get_running_loop().time() - started >= 0.5
            assert {} == harness.closed

    run(scenario)


def test_an_unused_connection_of_a_client_with_a_valid_request_stays_open() -> None:
    """An API server's pool has such connections; a request sent while they are closed would be lost."""

    async def scenario() -> None:
        async with serving(replace(PATIENT, first_byte=SHORT)) as harness:
            await harness.answered(await harness.connect(GET), b"")
            unused = await harness.connect()
            assert await ended(await harness.connect(host="127.0.0.2"))
            assert {Closed.FIRST_BYTE: 1} == harness.closed

            assert b"HTTP/1.1 200 OK" in await harness.answered(unused)

    run(scenario)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01garbage\r\n\r\n",
        GET[:-2] + b"A\r\n\r\n",
    ],
    ids=["an unknown path", "garbage", "a header without a colon"],
)
def test_an_invalid_request_is_answered_and_ends_the_connection(sent: bytes) -> None:
    async def scenario() -> None:
        async with serving(PATIENT) as harness:
            reader, _ = await harness.connect(sent)

            assert (await reader.read()).startswith(b"HTTP/1.")
            await until(lambda: harness.server.quota.count == 0)

    run(scenario)


def test_a_flood_from_one_address_closes_its_own_connections_and_not_those_of_others() -> None:
    async def scenario() -> None:
        async with serving(replace(PATIENT, connections=40, per_address=20)) as harness:
            api_server = await harness.connect()
            await harness.answered(api_server)
            flood = [await harness.connect(host="127.0.0.2") for _ in range(200)]
            await until(lambda: harness.closed[Closed.EVICTED] == 180)

            assert 21 == harness.server.quota.count
            assert b"HTTP/1.1 200 OK" in await harness.answered(api_server)
            assert b"HTTP/1.1 200 OK" in await harness.answered(await harness.connect())
            assert await ended(flood[0])

    run(scenario)


def test_a_flood_from_many_addresses_leaves_room_for_everybody() -> None:
    async def scenario() -> None:
        async with serving(replace(PATIENT, connections=20, per_address=20)) as harness:
            api_server = await harness.connect()
            await harness.answered(api_server)
            for host in range(2, 100):
                await harness.connect(host=f"127.0.0.{host}")

            assert b"HTTP/1.1 200 OK" in await harness.answered(api_server)
            assert b"HTTP/1.1 200 OK" in await harness.answered(await harness.connect(host="127.0.1.1"))
            assert 20 == harness.server.quota.count

    run(scenario)


def test_a_connection_is_refused_while_all_others_have_requests_in_progress() -> None:
    async def scenario() -> None:
        async with serving(replace(PATIENT, connections=2)) as harness:
            harness.released.clear()
            busy = [await harness.connect(GET) for _ in range(2)]
            await until(lambda: sum(c.slot.is_busy for c in harness.server._connections.values()) == 2)

            assert await ended(await harness.connect())
            assert {Closed.REFUSED: 1} == harness.closed
            harness.released.set()
            for connection in busy:
                assert b"HTTP/1.1 200 OK" in await harness.answered(connection, b"")

    run(scenario)


def test_a_client_that_does_not_read_its_response_is_disconnected() -> None:
    async def scenario() -> None:
        async with serving(replace(PATIENT, response=SHORT)) as harness:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", harness.port))
            await asyncio.get_running_loop().sock_sendall(client, GET.replace(b"/ ", b"/large ", 1))

            await until(lambda: harness.closed == {Closed.RESPONSE: 1})
            await until(lambda: harness.server.quota.count == 0)
            client.close()

    run(scenario)


def test_pipelined_requests_are_all_answered_in_their_order() -> None:
    async def scenario() -> None:
        async with serving(PATIENT) as harness:
            reader, writer = await harness.connect()
            writer.write(GET * 1000)
            for _ in range(1000):
                assert b"HTTP/1.1 200 OK" in await harness.answered((reader, writer), b"")

            assert 1 == harness.server.quota.count

    run(scenario)


def test_closing_all_connections_lets_a_request_in_progress_have_its_response() -> None:
    async def scenario() -> None:
        async with serving(PATIENT) as harness:
            idle = await harness.connect()
            await harness.answered(idle)
            harness.arrived.clear()
            harness.released.clear()
            busy = await harness.connect(GET)
            await harness.arrived.wait()
            harness.server.close_connections()

            assert await ended(idle)
            harness.released.set()
            assert b"Connection: close" in await harness.answered(busy, b"")
            assert await ended(busy)
            assert b"HTTP/1.1 200 OK" in await harness.answered(await harness.connect())

    run(scenario)


def test_without_a_free_file_descriptor_it_accepts_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_PAUSE", 0.01)

    class Listener(socket.socket):
        failures = 3

        def accept(self) -> Any:
            if Listener.failures:
                Listener.failures -= 1
                raise OSError(24, "Too many open files")
            return super().accept()

    original = http_server._listener

    def listener(address: str) -> socket.socket:
        bound = original(address)
        return Listener(bound.family, bound.type, fileno=bound.detach())

    monkeypatch.setattr(http_server, "_listener", listener)

    async def scenario() -> None:
        async with serving(PATIENT) as harness:
            assert b"HTTP/1.1 200 OK" in await harness.answered(await harness.connect())
            assert 0 == Listener.failures

    run(scenario)


def test_a_handler_that_fails_gives_the_slot_back() -> None:
    async def fail(_: web.Request) -> web.Response:
        raise ZeroDivisionError

    async def scenario() -> None:
        app = web.Application()
        app.router.add_get("/", fail)
        server = HttpServer(app, PATIENT)
        async with server.listening("127.0.0.1:0") as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            await until(lambda: [c.slot.is_busy for c in server._connections.values()] == [False])
            writer.close()
            await until(lambda: server.quota.count == 0)

    run(scenario)


def test_without_a_host_it_listens_on_both_ip_versions() -> None:
    async def scenario() -> None:
        server = HttpServer(web.Application(), PATIENT)
        async with server.listening(":0") as port:
            for host in ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()

    run(scenario)
