"""Clients that want to starve the API server: real TLS connections to the whole program."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp.web_protocol import RequestHandler

from netattach_kube.http_server import Limits
from netattach_webhooks import app, bodies
from unit.webhooks.harness import (
    Connection,
    Harness,
    NewKeyPair,
    pod,
    review,
    run,
    server_certificate,
    serving,
    status_line,
    until,
)

PATIENT = Limits(handshake=60, first_byte=60, header=60, response=60)
SMALL = replace(PATIENT, connections=40, per_address=20)
SHORT = 0.2
"""Seconds, for a limit that has to expire."""

OK = b"HTTP/1.1 200 OK\r\n"


def closed(harness: Harness, reason: str) -> float:
    labels = {"reason": reason}
    name = "netattach_webhook_connections_closed_total"
    return harness.program._metrics.registry.get_sample_value(name, labels) or 0


def open_connections(harness: Harness) -> float | None:
    return harness.program._metrics.registry.get_sample_value("netattach_webhook_connections")


async def ended(connection: Connection) -> bool:
    """Waits until the server has closed it."""
    with contextlib.suppress(OSError):
        await connection[0].read()
    return True


async def stranger(harness: Harness, address: str = "127.0.0.2", *, tls: bool = True) -> Connection:
    """A connection from another address."""
    context = ssl._create_unverified_context() if tls else None
    return await asyncio.open_connection(
        "127.0.0.1", harness.program.port, ssl=context, local_addr=(address, 0)
    )


def head(size: int, path: str = "/pods?timeout=30s") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode()


BODY = review("Pod", pod("sound"))


def test_idle_connections_make_room_and_the_api_servers_stays(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_LIMITS", SMALL)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            api_server = await harness.connect()
            assert OK == await status_line(api_server, BODY)
            await api_server[0].readuntil(b"true}}")
            flood = [await stranger(harness) for _ in range(60)]
            await until(lambda: closed(harness, "evicted") == 40)

            assert 21 == open_connections(harness)
            assert OK == await status_line(api_server, BODY)
            another = await harness.connect()
            assert OK == await status_line(another, BODY)
            assert await ended(flood[0])
            for _, writer in (*flood, another, api_server):
                writer.transport.abort()

    run(scenario)


def test_connections_without_a_tls_handshake_make_room_too(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_LIMITS", SMALL)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            flood = [await stranger(harness, tls=False) for _ in range(60)]

            api_server = await harness.connect()
            assert OK == await status_line(api_server, BODY)
            assert await ended(flood[0])
            assert 40 == closed(harness, "evicted")
            assert 21 == open_connections(harness)
            for _, writer in (*flood, api_server):
                writer.transport.abort()

    run(scenario)


@pytest.mark.parametrize(
    ("limits", "sent", "reason"),
    [
        (replace(PATIENT, handshake=SHORT), b"", "handshake"),
        (replace(PATIENT, handshake=SHORT), b"\x16\x03\x01\x02\x00", "handshake"),
        (PATIENT, b"GET / HTTP/1.1\r\n\r\n", "handshake"),
        (PATIENT, bytes(range(256)), "handshake"),
    ],
    ids=["nothing", "half a ClientHello", "plain HTTP", "garbage"],
)
def test_a_client_that_does_not_complete_the_tls_handshake_is_disconnected(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch, limits: Limits, sent: bytes, reason: str
) -> None:
    monkeypatch.setattr(app, "_LIMITS", limits)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            connection = await stranger(harness, tls=False)
            connection[1].write(sent)

            assert await ended(connection)
            await until(lambda: closed(harness, reason) == 1 and open_connections(harness) == 0)
            connection[1].close()

    run(scenario)


@pytest.mark.parametrize(
    ("limits", "sent", "reason"),
    [
        (replace(PATIENT, first_byte=SHORT), b"", "first-byte"),
        (replace(PATIENT, header=SHORT), b"POST /pods HTTP/1.1\r\nHost:", "header"),
    ],
    ids=["nothing", "half a header"],
)
def test_a_client_without_a_complete_header_is_disconnected(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch, limits: Limits, sent: bytes, reason: str
) -> None:
    monkeypatch.setattr(app, "_LIMITS", limits)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            connection = await stranger(harness)
            connection[1].write(sent)

            assert await ended(connection)
            await until(lambda: closed(harness, reason) == 1 and open_connections(harness) == 0)
            connection[1].transport.abort()

    run(scenario)


def test_a_huge_header_is_refused_before_it_has_arrived(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            connection = await stranger(harness)
            connection[1].write(b"POST /pods HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 2**16)

            assert b"HTTP/1.0 400 Bad Request\r\n" == await connection[0].readline()
            assert await ended(connection)
            connection[1].close()

    run(scenario)


def test_dribbled_bodies_do_not_delay_a_large_review(new_key_pair: NewKeyPair) -> None:
    """Two of them used to have both slots for large bodies."""
    large = review("Pod", {**pod("sound"), "padding": "x" * 10**6})

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            dribbling = [await stranger(harness) for _ in range(4)]
            for _, writer in dribbling:
                writer.write(head(4 * 10**6) + b" " * 300_000)
            await until(lambda: len(harness.program._webhooks._bodies._bodies) == 4)

            assert (await harness.post_review("pods", large))["allowed"]
            assert 4 == len(harness.program._webhooks._bodies._bodies)
            for _, writer in dribbling:
                writer.transport.abort()

    run(scenario)


def test_dribbled_bodies_that_fill_the_memory_give_way_to_a_large_review(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_MAX_TOTAL", 4 * 2**20)
    monkeypatch.setattr(bodies.Bodies.__init__, "__defaults__", (4 * 2**20,))
    large = review("Pod", {**pod("sound"), "padding": "x" * 10**6})

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            dribbling = [await stranger(harness) for _ in range(4)]
            for _, writer in dribbling:
                writer.write(head(4 * 10**6) + b" " * 10**6)
            await until(lambda: harness.program._webhooks._bodies._size == 4 * 10**6)

            assert (await harness.post_review("pods", large))["allowed"]
            assert 3 * 10**6 == harness.program._webhooks._bodies._size
            labels = {"kind": "pods", "outcome": "overloaded"}
            assert 1 == harness.program._metrics.registry.get_sample_value(
                "netattach_webhook_requests_total", labels
            )
            for _, writer in dribbling:
                writer.transport.abort()

    run(scenario)


def test_a_dribbled_body_ends_with_the_timeout_of_the_webhook_configuration(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_MAX_SECONDS", 0.4)
    app._timeout.cache_clear()

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            connection = await stranger(harness)
            connection[1].write(head(1000, "/pods?timeout=1000s") + b"{")

            assert b"HTTP/1.1 504 Gateway Timeout\r\n" == await connection[0].readline()
            assert await ended(connection)
            await until(lambda: open_connections(harness) == 0)
            connection[1].close()

    run(scenario)


def test_a_thousand_pipelined_reviews_are_answered_one_after_the_other(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            reader, writer = await stranger(harness)
            writer.write((head(len(BODY)) + BODY) * 1000)
            for _ in range(1000):
                assert OK == await reader.readline()
                await reader.readuntil(b"true}}")

            assert 1 == open_connections(harness)
            writer.close()

    run(scenario)


def test_invalid_requests_earn_no_place(new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_LIMITS", PATIENT)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            for sent in (
                head(0, "/"),
                head(2) + b"{}",
                b"GET /pods HTTP/1.1\r\nHost: a\r\n\r\n",
                b"\0\r\n\r\n",
            ):
                connection = await stranger(harness)
                connection[1].write(sent)
                assert await ended(connection)
                connection[1].close()
            await until(lambda: open_connections(harness) == 0)

    run(scenario)


def test_a_tls_connection_takes_a_buffer_of_one_record(new_key_pair: NewKeyPair) -> None:
    """asyncio's own has 256 KiB, for each connection, from its first byte."""

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            connection = await harness.connect()
            assert server_certificate(connection)
            await until(lambda: bool(harness.program._webhooks._server._connections))
            (transport,) = harness.program._webhooks._server._connections

            assert 2**14 == len(transport._ssl_protocol._ssl_buffer)  # type: ignore[attr-defined]
            connection[1].close()

    run(scenario)


def test_a_client_may_close_at_any_moment(new_key_pair: NewKeyPair) -> None:
    sent = head(len(BODY)) + BODY

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            for length in range(0, len(sent), 37):
                _, writer = await stranger(harness)
                writer.write(sent[:length])
                await writer.drain()
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
                )
                writer.transport.abort()
            await until(lambda: open_connections(harness) == 0)

            assert (await harness.post_review("pods", BODY))["allowed"]

    run(scenario)


async def _without_handshake(harness: Harness) -> Connection:
    return await stranger(harness, tls=False)


async def _garbage(harness: Harness) -> Connection:
    connection = await stranger(harness, tls=False)
    connection[1].write(b"garbage" * 100)
    return connection


async def _served(harness: Harness) -> Connection:
    connection = await stranger(harness)
    assert OK == await status_line(connection, BODY)
    return connection


@pytest.mark.parametrize("client", [_without_handshake, _garbage, stranger, _served])
def test_a_closed_connection_leaves_nothing_that_only_a_garbage_collection_frees(
    new_key_pair: NewKeyPair,
    monkeypatch: pytest.MonkeyPatch,
    client: Callable[[Harness], Awaitable[Connection]],
) -> None:
    """Collections are rare in this program: what many short connections leave would fill the memory before the next one."""
    monkeypatch.setattr(app, "_LIMITS", replace(SMALL, per_address=5))

    def held() -> int:
        found = [each for each in gc.get_objects() if isinstance(each, SSLProtocol | RequestHandler)]
        return sum(isinstance(each, RequestHandler) or each._server_side for each in found)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            gc.collect()
            gc.disable()
            before = held()
            connections = [await client(harness) for _ in range(20)]
            for _, writer in connections:
                writer.transport.abort()
            await until(lambda: open_connections(harness) == 0)
            del connections[:], writer

            await until(
                lambda: held() <= before + 5
            )  # an error in the middle of a record may keep its own connection

    try:
        run(scenario)
    finally:
        gc.enable()
