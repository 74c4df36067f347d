"""A session that kopf closes under another request makes it log in again, and none is left open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import aiohttp
import kopf
import pytest
from aiohttp import web

from netattach_operator.kopf_session import Sessions, _closed_session
from support import api_server


def served(act: Callable[[str, asyncio.Event], Awaitable[None]]) -> None:
    """With a server that never responds; the event is set by a request."""

    async def story() -> None:
        requested, closing = asyncio.Event(), asyncio.Event()

        async def respond(_: web.Request) -> web.Response:
            requested.set()
            await closing.wait()
            return web.Response()

        app = web.Application()
        app.router.add_get("/", respond)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with asyncio.timeout(api_server.PATIENCE):
                await act(f"http://127.0.0.1:{runner.addresses[0][1]}/", requested)
        finally:
            closing.set()
            await runner.cleanup()

    asyncio.run(story())


def credentials(server: str, token: str = "t") -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(server=server, token=token)


def test_a_request_whose_session_is_closed_raises_what_kopf_retries() -> None:
    """Which of the two depends on the moment."""

    async def act(server: str, requested: asyncio.Event) -> None:
        session = (await Sessions().open(credentials(server))).aiohttp_session
        request = asyncio.create_task(session.request("GET", server))
        await requested.wait()

        await session.close()

        with pytest.raises((RuntimeError, aiohttp.ClientConnectionError), match="is closed"):
            await request

    served(act)


def test_a_retry_of_aiohttp_in_a_closed_session_raises_what_kopf_retries() -> None:
    """aiohttp's AssertionError would end kopf."""

    async def send(_: aiohttp.ClientRequest) -> aiohttp.ClientResponse:
        raise AssertionError

    with pytest.raises(RuntimeError, match="Session is closed"):
        asyncio.run(_closed_session(cast("aiohttp.ClientRequest", None), send))


def test_a_new_session_closes_the_one_before() -> None:
    async def act(server: str, requested: asyncio.Event) -> None:
        sessions = Sessions()
        first = await sessions.open(credentials(server))
        second = await sessions.open(credentials(server))

        assert first.aiohttp_session.closed
        assert not second.aiohttp_session.closed
        await sessions.close()
        assert second.aiohttp_session.closed

    served(act)


def test_sessions_are_equal_where_their_credentials_are() -> None:
    """kopf compares them to recognise those that were refused."""

    async def act(server: str, requested: asyncio.Event) -> None:
        sessions = Sessions()
        first = await sessions.open(credentials(server))
        second = await sessions.open(credentials(server))
        other = await sessions.open(credentials(server, "another"))
        await sessions.close()

        assert first == second
        assert first != other

    served(act)


def test_requests_have_the_token() -> None:
    async def act(server: str, requested: asyncio.Event) -> None:
        sessions = Sessions()
        session = await sessions.open(credentials(server))
        await sessions.close()

        assert "Bearer t" == session.aiohttp_session.headers["Authorization"]
        assert isinstance(session.aiohttp_session, aiohttp.ClientSession)

    served(act)
