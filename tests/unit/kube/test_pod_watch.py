"""The pods of a NAD, from a watch of all pods that run."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from netattach_core.api.networks_annotation import NETWORK_STATUS, NETWORKS
from netattach_core.api.objects import Key
from netattach_kube.pod_watch import PodWatch
from netattach_kube.resource import PODS
from support import api_server
from support.api_server import ApiServer

A, B = ("ns", "a"), ("ns", "b")


def pod(name: str, *attached: str, **metadata: Any) -> dict[str, Any]:
    status = json.dumps([{"name": each} for each in ("cbr0", *attached)])
    annotations = {NETWORKS: "a,b,c", NETWORK_STATUS: status}
    return {"metadata": {"namespace": "ns", "name": name, "annotations": annotations, **metadata}}


def played(act: Callable[[ApiServer, list[Key]], Coroutine[Any, Any, None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(server, [])

    asyncio.run(story())


def test_changes_of_pods_are_followed_and_reported() -> None:
    async def act(server: ApiServer, changes: list[Key]) -> None:
        server.put(PODS, pod("p1", "ns/a", "ns/b"))
        server.put(PODS, pod("p2", "ns/b"))
        watch = PodWatch(server.api, changed=changes.append)
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


def test_a_pod_counts_while_it_is_attached_and_not_while_it_only_asks() -> None:
    async def act(server: ApiServer, changes: list[Key]) -> None:
        server.put(PODS, pod("asks"))
        server.put(PODS, pod("terminating", "ns/a", deletionTimestamp="2026-01-01T00:00:00Z"))
        watch = PodWatch(server.api)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(watch.run())
            await watch.synced.wait()
            assert [("ns", "terminating")] == watch.pods(A)
            assert 0 == watch.count(B)
            task.cancel()

    played(act)
