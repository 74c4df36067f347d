"""The labels of namespaces: those of the watch, else those of one request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from netattach_core.errors import TryAgainError
from netattach_kube.namespace_labels import NamespaceLabels
from netattach_kube.resource import NAMESPACES
from support import api_server
from support.api_server import ApiServer


def put(server: ApiServer, name: str, **labels: str) -> None:
    server.put(NAMESPACES, {"metadata": {"name": name, "labels": labels}})


def test_labels_follow_the_watch() -> None:
    async def until(known: NamespaceLabels, expected: Mapping[str, str]) -> None:
        async with asyncio.timeout(api_server.PATIENCE):
            while await known.labels("lab") != expected:  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)

    async def story() -> None:
        async with api_server.serving() as server:
            put(server, "lab", tenant="true")
            known = NamespaceLabels(server.api)
            watching = asyncio.create_task(known.run())
            await known.synced.wait()
            assert {"tenant": "true"} == await known.labels("lab")
            put(server, "lab")
            await until(known, {})
            watching.cancel()

    asyncio.run(story())


def test_a_namespace_that_the_watch_does_not_have_is_requested() -> None:
    async def story() -> None:
        async with api_server.serving() as server:
            known = NamespaceLabels(server.api)
            put(server, "new", tenant="true")

            assert {"tenant": "true"} == await known.labels("new")
            assert {} == await known.labels("absent")

    asyncio.run(story())


def test_labels_that_cannot_be_requested_are_an_error_and_not_none() -> None:
    async def story() -> None:
        async with api_server.serving() as server:
            known = NamespaceLabels(server.api)
            server.away = True

            with pytest.raises(TryAgainError):
                await known.labels("lab")

    asyncio.run(story())
