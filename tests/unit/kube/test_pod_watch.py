"""The pods of a NAD, from a watch of all pods that run."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS
from netattach_core.api.objects import Key
from netattach_kube.pod_watch import PodWatch
from netattach_kube.resource import PODS
from support import api_server
from support.api_server import ApiServer

A, B = ("ns", "a"), ("ns", "b")


def pod(name: str, networks: str, **metadata: Any) -> dict[str, Any]:
    annotations = {NETWORKS: networks, **metadata.pop("annotations", {})}
    return {"metadata": {"namespace": "ns", "name": name, "annotations": annotations, **metadata}}


def played(act: Callable[[ApiServer, list[Key]], Coroutine[Any, Any, None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(server, [])

    asyncio.run(story())


def test_changes_of_pods_are_followed_and_reported() -> None:
    async def act(server: ApiServer, changes: list[Key]) -> None:
        server.put(PODS, pod("p1", "a,b"))
        server.put(PODS, pod("p2", "b"))
        watch = PodWatch(server.api, lambda: "", changed=changes.append)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(watch.run())
            await watch.synced.wait()
            assert ([("ns", "p1")], [("ns", "p1"), ("ns", "p2")]) == (watch.pods(A), watch.pods(B))
            assert {A, B} == set(changes)

            changes.clear()
            server.delete(PODS, "p1", "ns")
            await server.until(lambda: (watch.count(A), watch.count(B)) == (0, 1))
            assert {A, B} == set(changes)
            task.cancel()

    played(act)


@pytest.mark.parametrize(("terminating", "count"), [(True, 1), (False, 0)])
def test_terminating_pods_count_unless_they_are_not_wanted(terminating: bool, count: int) -> None:  # noqa: FBT001
    async def act(server: ApiServer, changes: list[Key]) -> None:
        server.put(PODS, pod("p", "a", deletionTimestamp="2026-01-01T00:00:00Z"))
        watch = PodWatch(server.api, lambda: "", terminating=terminating)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(watch.run())
            await watch.synced.wait()
            assert count == watch.count(A)
            task.cancel()

    played(act)


def test_the_default_network_is_looked_up_in_the_namespace_of_default_networks() -> None:
    async def act(server: ApiServer, changes: list[Key]) -> None:
        server.put(PODS, pod("p", "", annotations={DEFAULT_NETWORK: "own"}))
        watch = PodWatch(server.api, lambda: "infra")
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(watch.run())
            await watch.synced.wait()
            assert 1 == watch.count(("infra", "own"))
            task.cancel()

    played(act)
