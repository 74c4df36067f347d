"""What a watch loses is found by the next list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from netattach_core.errors import NetattachError
from netattach_kube.resource import INVENTORIES, NADS
from netattach_operator.keys import Keys
from netattach_operator.sweep import Sweep
from netattach_operator.view import View
from support import api_server
from support.api_server import ApiServer


def nad(name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name}, "spec": {"config": "{}"}}


def swept(act: Callable[[ApiServer, View, Sweep], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(20):
            view = View(Keys(time.monotonic))
            await act(server, view, Sweep(server.api, view))

    asyncio.run(story())


def test_everything_is_listed_page_by_page() -> None:
    async def act(server: ApiServer, view: View, sweep: Sweep) -> None:
        server.put(INVENTORIES, {"metadata": {"name": "n1"}, "status": {}})
        for number in range(450):
            server.put(NADS, nad(f"n{number}"))

        await sweep.once()

        assert (450, 1) == (len(list(view.nads)), len(view.nodes or ()))
        assert 4 == len(server.requests)
        assert {"200"} == {request.query["limit"] for request in server.requests}

    swept(act)


def test_the_nodes_are_known_before_the_first_nad_is() -> None:
    """Else it would be validated without them, and be written twice."""

    async def act(server: ApiServer, view: View, sweep: Sweep) -> None:
        await sweep.once()

        assert [INVENTORIES.path(), NADS.path()] == [request.path for request in server.requests]

    swept(act)


def test_what_was_deleted_unnoticed_is_forgotten() -> None:
    async def act(server: ApiServer, view: View, sweep: Sweep) -> None:
        for name in ("a", "b", "c"):
            server.put(NADS, nad(name))
        await sweep.once()
        server.delete(NADS, "a", "ns")
        server.delete(NADS, "c", "ns")

        await sweep.once()

        assert [("ns", "b")] == list(view.nads)

    swept(act)


def test_it_is_tried_until_it_works() -> None:
    async def act(server: ApiServer, view: View, sweep: Sweep) -> None:
        server.put(NADS, nad("a"))
        server.fail(503, times=2)
        server.fail(410, path=NADS.plural)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(sweep.run())
            await sweep.listed.wait()
            task.cancel()

        assert [("ns", "a")] == list(view.nads)

    swept(act)


def test_one_that_fails_is_an_error() -> None:
    async def act(server: ApiServer, view: View, sweep: Sweep) -> None:
        server.fail(503)

        with pytest.raises(NetattachError):
            await sweep.once()

        assert not sweep.listed.is_set()

    swept(act)
