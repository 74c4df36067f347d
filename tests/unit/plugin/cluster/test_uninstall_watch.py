"""Whether the end of the daemon is an uninstallation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netattach_kube.resource import DAEMON_SETS, NAMESPACES
from netattach_plugin.cluster.uninstall_watch import UninstallWatch
from support import api_server
from support.api_server import ApiServer


def run(story: Callable[[ApiServer, UninstallWatch], Coroutine[Any, Any, None]]) -> None:
    async def serve() -> None:
        async with api_server.serving() as server, asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            server.put(NAMESPACES, {"metadata": {"name": "ns"}})
            server.put(DAEMON_SETS, {"metadata": {"name": "ds", "namespace": "ns"}})
            fate = UninstallWatch(server.api, "ns", "ds")
            task = tasks.create_task(fate.run())
            await until(lambda: len(fate._seen) == 2)
            await story(server, fate)
            task.cancel()

    asyncio.run(serve())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  # nothing else tells it
            await asyncio.sleep(0.01)


class TestFate:
    def test_an_upgrade_is_no_uninstallation(self) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.put(DAEMON_SETS, {"metadata": {"name": "ds", "namespace": "ns"}, "spec": {"image": "new"}})

            assert not await fate.uninstalled()

        run(story)

    def test_a_deleted_daemon_set_is_one(self) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.delete(DAEMON_SETS, "ds", "ns")

            assert await fate.uninstalled()

        run(story)

    @pytest.mark.parametrize(
        ("resource", "name", "namespace"), [(DAEMON_SETS, "ds", "ns"), (NAMESPACES, "ns", "")]
    )
    def test_what_was_seen_to_be_deleted_is_remembered_without_permission_to_ask(
        self, resource: Any, name: str, namespace: str
    ) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            metadata = {"name": name, "deletionTimestamp": "2026-01-01T00:00:00Z"}
            server.put(resource, {"metadata": metadata | ({"namespace": namespace} if namespace else {})})
            await until(lambda: bool(fate._deleted))
            server.fail(401, times=99)

            assert await fate.uninstalled()

        run(story)

    def test_one_that_was_never_there_is_not_deleted(self) -> None:
        """Whoever installed us gave it another name, or started us by hand."""

        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            assert not await UninstallWatch(server.api, "ns", "another name").uninstalled()

        run(story)

    def test_one_that_was_made_again_is_alive(self) -> None:
        """`kubectl delete --cascade=orphan` and another apply: our pod lives on, and its upgrade is no uninstallation."""

        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.delete(DAEMON_SETS, "ds", "ns")
            await until(lambda: bool(fate._deleted))
            server.put(DAEMON_SETS, {"metadata": {"name": "ds", "namespace": "ns"}})
            await until(lambda: not fate._deleted)

            assert not await fate.uninstalled()

        run(story)

    @pytest.mark.parametrize("status", [401, 403, 500])
    def test_what_cannot_be_told_is_none(self, status: int) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.fail(status, times=99)

            assert not await fate.uninstalled()

        run(story)

    def test_an_api_that_is_away_is_none(self) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.away = True

            assert not await fate.uninstalled()

        run(story)
