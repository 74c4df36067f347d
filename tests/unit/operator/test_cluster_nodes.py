"""Nodes and daemons, watched: only what readiness and labels look at is a change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from netattach_kube import cluster_settings
from netattach_kube.resource import NODES, PODS
from netattach_operator.cluster_nodes import TAINT, ClusterNodes
from support import api_server
from support.api_server import ApiServer


def node(name: str = "n1", labels: dict[str, str] | None = None, **parts: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels or {}}, **parts}


def daemon(
    name: str = "d1", node: str = "n1", component: str = "daemon", *, ready: bool = True, **metadata: Any
) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": component}
    return {
        "metadata": {"namespace": cluster_settings.NAMESPACE, "name": name, "labels": labels, **metadata},
        "spec": {"nodeName": node} if node else {},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


class Scene:
    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.changed: list[str] = []
        self.nodes = ClusterNodes(server.api, self.changed.append)

    async def list_all(self) -> list[str]:
        """Returns the changes."""
        self.changed.clear()
        await self.nodes._nodes._list()
        await self.nodes._daemons._list()
        return self.changed


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(Scene(server))

    asyncio.run(story())


def test_what_is_kept_of_a_node() -> None:
    async def act(scene: Scene) -> None:
        labels = {"zone": "a", "not-ready.netattach.io/0123456789abcdef": "ns.net"}
        taints = [{"key": "other", "effect": "NoExecute"}, {"key": TAINT, "effect": "NoSchedule"}]
        info = {"nodeInfo": {"bootID": "b1"}}
        scene.server.put(NODES, node(labels=labels, spec={"taints": taints}, status=info))

        assert ["n1"] == await scene.list_all()

        found = scene.nodes.get("n1")
        assert found is not None
        assert {"zone": "a"} == found.labels
        assert {"not-ready.netattach.io/0123456789abcdef": "ns.net"} == found.ours
        assert (True, "b1") == (found.tainted, found.boot_id)

    played(act)


def test_a_heartbeat_of_a_node_is_no_change() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NODES, node())
        await scene.list_all()

        scene.server.put(NODES, node(status={"conditions": [{"type": "Ready", "lastHeartbeatTime": "now"}]}))

        assert [] == await scene.list_all()

    played(act)


def test_a_node_is_ready_while_one_of_its_daemons_is() -> None:
    async def act(scene: Scene) -> None:
        steps: list[tuple[dict[str, Any], bool]] = [
            (daemon(ready=False), False),
            (daemon(), True),
            (daemon(deletionTimestamp="2026-01-01T00:00:00Z"), False),
            (daemon("d2"), True),
        ]
        for pod, expected in steps:
            scene.server.put(PODS, pod)
            assert ["n1"] == await scene.list_all()
            assert expected == scene.nodes.daemon_ready("n1")

        scene.server.delete(PODS, "d1", cluster_settings.NAMESPACE)
        await scene.list_all()
        assert scene.nodes.daemon_ready("n1")
        scene.server.delete(PODS, "d2", cluster_settings.NAMESPACE)
        assert ["n1"] == await scene.list_all()
        assert (False, False) == (scene.nodes.daemon_ready("n1"), scene.nodes.has_daemon("n1"))

    played(act)


def test_other_pods_of_the_namespace_are_no_daemons() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(PODS, daemon(component="installer"))
        scene.server.put(PODS, daemon("pending", node=""))
        scene.server.put(
            PODS, {**daemon("elsewhere"), "metadata": {**daemon("elsewhere")["metadata"], "namespace": "x"}}
        )

        assert [] == await scene.list_all()
        assert not scene.nodes.has_daemon("n1")

    played(act)


def test_changes_are_followed() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NODES, node())
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(scene.nodes.run())
            await scene.nodes.synced()
            assert (["n1"], 1) == (list(scene.nodes), scene.nodes.count)
            scene.server.put(PODS, daemon())
            await scene.server.until(lambda: scene.nodes.daemon_ready("n1"))
            scene.server.delete(NODES, "n1")
            await scene.server.until(lambda: scene.nodes.count == 0)
            task.cancel()

    played(act)
