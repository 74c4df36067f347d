"""A paused watch over TLS, whose transport has buffers and limits of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from netattach_core.errors import NetattachError
from netattach_kube import api as kube_api
from netattach_kube.api import Api
from netattach_kube.resource import NODES
from netattach_operator.certificate_plan import CERTIFICATE, KEY
from support import api_server, certificates

PADDING = "x" * 50_000
"""Several events of this size are more than the buffers hold."""


@asynccontextmanager
async def serving(events: int) -> AsyncIterator[Api]:
    """An API server whose watches send so many events, one by one, and end."""

    async def watch(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for number in range(events):
            body = {"metadata": {"name": f"n{number}", "annotations": {"padding": PADDING}}}
            await response.write(json.dumps({"type": "ADDED", "object": body}).encode() + b"\n")
            await asyncio.sleep(0.002)
        return response

    authority = certificates.authority(datetime.now(UTC))
    context = certificates.server_context({CERTIFICATE: authority["ca.crt"], KEY: authority["ca.key"]})
    app = web.Application()
    app.router.add_get("/{path:.*}", watch)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    configuration = Configuration(host=f"https://127.0.0.1:{runner.addresses[0][1]}")
    configuration.verify_ssl = False
    configuration.retries = None
    configuration.client_session_kwargs = kube_api.session_options()
    rest = RESTClientObject(configuration)
    try:
        yield Api(configuration, rest, "netattach-test/0")
    finally:
        await rest.close()
        await runner.cleanup()


@pytest.mark.parametrize("pause", [0.0, 0.05])
def test_a_watch_reads_all_events_and_notices_the_end(pause: float) -> None:
    async def story() -> list[str]:
        async with (
            asyncio.timeout(api_server.PATIENCE),
            serving(100) as api,
            aclosing(api.watch(NODES, {}, silence=60, pause=pause)) as events,
        ):
            return [event["object"]["metadata"]["name"] async for event in events]

    assert [f"n{number}" for number in range(100)] == asyncio.run(story())


def test_a_paused_watch_can_be_cancelled() -> None:
    async def story() -> None:
        async with serving(20) as api, asyncio.timeout(api_server.PATIENCE):
            first = asyncio.Event()

            async def follow() -> None:
                async with aclosing(api.watch(NODES, {}, silence=60, pause=60.0)) as events:
                    async for _ in events:
                        first.set()

            following = asyncio.create_task(follow())
            await first.wait()
            following.cancel()
            with pytest.raises(asyncio.CancelledError):
                await following
            with pytest.raises(
                NetattachError
            ):  # the connection is closed, and its place is free: no response is an object
                await api.get(NODES, "n")

    asyncio.run(story())
