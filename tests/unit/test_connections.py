"""The HTTP client of the load: complete and partial answers, connections that are kept, closed and opened again."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import pytest

from support.connections import Connections, parse
from support.waiting import PATIENCE, eventually_async

LENGTH = b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\ntext"
CHUNKED = b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


@pytest.mark.parametrize(("answer", "read"), [(LENGTH, (201, "text")), (CHUNKED, (403, "abcde"))])
def test_an_answer_is_read_once_it_is_complete(answer: bytes, read: tuple[int, str]) -> None:
    assert [None] * len(answer) == [parse(answer[:length]) for length in range(len(answer))]
    assert read == parse(answer)


def test_a_connection_is_kept_and_its_loss_is_one_error() -> None:
    served: list[int] = []
    ended: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(0)
        with contextlib.suppress(asyncio.IncompleteReadError):
            while served != [3] and await reader.readuntil(b"{}"):
                served[-1] += 1
                writer.write(b"" if served == [3] else LENGTH)
        writer.close()
        await writer.wait_closed()
        ended.append(len(served))

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        connections = Connections(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "token", None)
        async with server, asyncio.timeout(PATIENCE):
            async with connections:
                for _ in range(2):
                    assert (201, "text") == await connections.post("/", b"{}")
                with pytest.raises(ConnectionError):
                    await connections.post("/", b"{}")
                assert (201, "text") == await connections.post("/", b"{}")
            await eventually_async(lambda: len(ended) == len(served))

    asyncio.run(story())
    assert [3, 1] == served


def test_a_refused_connection_is_an_error() -> None:
    async def story() -> None:
        async with Connections("https://127.0.0.1:1", "token", ssl.create_default_context()) as connections:
            await connections.post("/", b"{}")

    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        asyncio.run(story())
