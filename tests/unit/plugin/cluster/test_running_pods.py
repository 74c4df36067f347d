"""The running pods of the node, watched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netattach_core.api import networks_annotation
from netattach_core.attach import unmet_pods
from netattach_kube.resource import PODS
from netattach_plugin.cluster.running_pods import RunningPods
from support import api_server
from support.api_server import ApiServer

Story = Callable[[ApiServer, RunningPods], Coroutine[Any, Any, None]]


def _pod(name: str, node: str = "node1", phase: str = "Running", **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ns", "name": name, "uid": f"u-{name}", "annotations": annotations},
        "spec": {"nodeName": node},
        "status": {"phase": phase},
    }


def _run(story: Story) -> None:
    async def serve() -> None:
        async with api_server.serving() as server, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            pods = RunningPods(server.api, "node1")
            task = tasks.create_task(pods.run())
            await story(server, pods)
            task.cancel()

    asyncio.run(serve())


def test_only_running_pods_of_this_node_are_known() -> None:
    async def story(server: ApiServer, pods: RunningPods) -> None:
        for each in (_pod("a"), _pod("b", node="node2"), _pod("c", phase="Pending")):
            server.put(PODS, each)
        await server.until(lambda: {each.ref.name for each in pods} == {"a"})
        server.put(PODS, _pod("c"))
        server.put(PODS, _pod("a", phase="Succeeded"))
        await server.until(lambda: {each.ref.name for each in pods} == {"c"})

    _run(story)


def test_the_watch_has_metadata_only_and_little_of_it_is_kept() -> None:
    long = "n" * 100_000

    async def story(server: ApiServer, pods: RunningPods) -> None:
        server.put(PODS, _pod("a", **{networks_annotation.NETWORKS: long, "other": long}))
        await server.until(lambda: bool(list(pods)))

        (pod,) = pods
        assert [networks_annotation.NETWORKS] == list(pod.annotations)
        assert unmet_pods.LONGEST + 1 == len(pod.annotations[networks_annotation.NETWORKS])

    _run(story)


@pytest.mark.parametrize(
    ("change", "runs"),
    [
        pytest.param({}, True, id="runs"),
        pytest.param({"spec": {"hostNetwork": True}}, None, id="in the node's network"),
        pytest.param({"metadata": {"uid": "another"}}, False, id="another pod of that name"),
        pytest.param({"metadata": {"deletionTimestamp": "2026-11-30T00:00:00Z"}}, False, id="ends"),
        pytest.param({"status": {"phase": "Failed"}}, False, id="has ended"),
        pytest.param({"status": {"containerStatuses": []}}, False, id="no containers"),
        pytest.param(
            {"status": {"containerStatuses": [{"state": {"running": {"startedAt": None}}}]}},
            False,
            id="no time",
        ),
    ],
)
def test_whether_a_pod_runs_in_a_network_of_its_own(change: dict[str, Any], runs: bool | None) -> None:  # noqa: FBT001
    started = [{"state": {"running": {"startedAt": "2026-11-30T10:00:00Z"}}}]

    async def story(server: ApiServer, pods: RunningPods) -> None:
        body = _pod("a")
        body["status"]["containerStatuses"] = started
        server.put(PODS, body)
        await server.until(lambda: bool(list(pods)))
        (pod,) = pods
        for part, values in change.items():
            body[part] |= values
        server.put(PODS, body)

        assert runs is await pods.in_pod_network(pod, 0.0)
        if runs:
            assert not await pods.in_pod_network(pod, 4e9)
        server.delete(PODS, "a", "ns")
        assert not await pods.in_pod_network(pod, 0.0)

    _run(story)
