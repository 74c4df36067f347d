"""The pods of the node: when they are watched, and what a look-up costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.errors import TryAgainError
from netattach_kube.resource import PODS
from netattach_plugin.cluster import node_pods
from netattach_plugin.cluster.node_pods import NodePods
from support import api_server
from support.api_server import ApiServer

REF = PodRef("ns", "p", "u")
Story = Callable[[ApiServer, NodePods], Coroutine[Any, Any, None]]


def pod(uid: str = "u", node: str = "node1") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ns", "name": "p", "uid": uid, "annotations": {}},
        "spec": {"nodeName": node},
    }


def run(story: Story) -> None:
    async def serve() -> None:
        async with api_server.serving() as server, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            pods = NodePods(server.api, "node1")
            task = tasks.create_task(pods.run())
            await story(server, pods)
            task.cancel()

    asyncio.run(serve())


def asked(server: ApiServer) -> list[str]:
    return [str(request) for request in server.requests]


def test_pods_that_nobody_asks_for_are_not_watched() -> None:
    async def story(server: ApiServer, pods: NodePods) -> None:
        server.put(PODS, pod())
        await pods.read(REF)
        pods.known(REF)

        assert ["GET /api/v1/namespaces/ns/pods/p"] == asked(server)

    run(story)


def test_the_first_question_costs_one_get_and_later_ones_nothing() -> None:
    async def story(server: ApiServer, pods: NodePods) -> None:
        server.put(PODS, pod())
        assert REF == (await pods.find(REF)).ref  # type: ignore[union-attr]  # it exists
        await server.asked("WATCH", times=1)
        await server.until(lambda: pods.known(REF) is not None)
        server.requests.clear()

        assert REF == (await pods.find(REF)).ref  # type: ignore[union-attr]  # it exists
        assert [] == asked(server)

    run(story)


class Pauses:
    """The watch's pauses, each until the test ends it."""

    def __init__(self) -> None:
        self._end = asyncio.Semaphore(0)
        self.begun = 0

    async def pause(self) -> None:
        self.begun += 1
        await self._end.acquire()

    def end(self) -> None:
        self._end.release()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    made = Pauses()
    monkeypatch.setattr(node_pods, "_pause", made.pause)
    return made


def test_a_watch_that_nobody_needs_ends_and_keeps_nothing_that_is_out_of_date(pauses: Pauses) -> None:
    async def story(server: ApiServer, pods: NodePods) -> None:
        server.put(PODS, pod())
        await pods.find(REF)
        await server.until(lambda: pods.known(REF) is not None)
        pauses.end()
        await server.until(lambda: pods.known(REF) is None)
        server.delete(PODS, "p", "ns")
        server.put(PODS, pod("another"))

        assert None is await pods.find(REF)
        await server.until(lambda: pods.known(PodRef("ns", "p", "another")) is not None)

    run(story)


def test_a_watch_lasts_as_long_as_somebody_asks(pauses: Pauses) -> None:
    async def story(server: ApiServer, pods: NodePods) -> None:
        server.put(PODS, pod())
        await pods.find(REF)
        await server.asked("WATCH", times=1)
        for number in range(1, 4):
            await server.until(lambda number=number: pauses.begun == number)  # type: ignore[misc]
            await pods.find(REF)
            pauses.end()
        await server.until(lambda: pauses.begun == 4)

        assert 1 == sum(line.startswith("WATCH") for line in asked(server))

    run(story)


def test_another_pod_of_that_name_is_not_found() -> None:
    async def story(server: ApiServer, pods: NodePods) -> None:
        server.put(PODS, pod("another"))

        assert None is await pods.find(REF)
        await server.asked("WATCH", times=1)
        await server.until(lambda: pods.known(PodRef("ns", "p", "another")) is not None)
        assert None is await pods.find(REF)

    run(story)


def test_an_api_that_does_not_answer_may_be_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_pods, "_GET_SECONDS", 0.05)

    async def story(server: ApiServer, pods: NodePods) -> None:
        server.delay = 0.5
        with pytest.raises(TryAgainError, match="does not answer in time"):
            await pods.find(REF)

    run(story)
