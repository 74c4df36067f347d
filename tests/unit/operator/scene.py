"""A server with NADs, the operator's view of it, and its reconciler."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from netattach_kube import cluster_settings
from netattach_kube.resource import EVENTS, INVENTORIES, NADS, NODES, PODS
from netattach_operator.kopf_watches import KopfWatches
from netattach_operator.metrics import Metrics
from netattach_operator.reconciler import Reconciler
from netattach_operator.view import View
from netattach_operator.work_queue import WorkQueue
from support import api_server
from support.api_server import ApiServer
from support.validation import bridge

A = ("ns", "a")
SOUND, BROKEN = json.dumps(bridge()), "{,}"


def nad(config: str = SOUND, name: str = "a", **keys: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name}, "spec": {"config": config}, **keys}


class Scene:
    """A server, what is known of it, and the reconciler; `list_all` updates the view, as kopf does."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.metrics = Metrics()
        self.queue = WorkQueue(asyncio.get_running_loop().time)
        self.view = View(server.api, KopfWatches(lambda _: None), self.queue)
        self.now = datetime(2026, 11, 24, tzinfo=UTC)
        self.reconciler = Reconciler(server.api, self.view, self.queue, self.metrics, lambda: self.now)

    async def list_all(self) -> None:
        await self.view.cluster_nodes._nodes._list()
        await self.view.cluster_nodes._daemons._list()
        await self.view.inventories.relist()
        await self.view.nads.relist()

    def put_node(self, name: str, *links: str, ready: bool = True, **status: Any) -> None:
        """A Node with a daemon and these interfaces."""
        if not self.server.has(NODES, name):
            self.server.put(NODES, {"metadata": {"name": name, "labels": {"name": name}}})
        self.put_daemon(name, ready=ready)
        interfaces = [{"name": link} for link in links]
        self.server.put(
            INVENTORIES, {"metadata": {"name": name}, "status": {"interfaces": interfaces, **status}}
        )

    def put_pods(self, node: str, **pods: int) -> None:
        """The node has so many pods attached to each of these networks."""
        networks = [{"network": f"ns/{name}", "pods": count} for name, count in pods.items()]
        self.put_node(node, "eth0", attached={"pods": sum(pods.values()), "networks": networks})

    async def start(self) -> None:
        """As `View.synced` does: from now on readiness and numbers of pods are known."""
        await self.list_all()
        self.view.readiness.start()

    def put_daemon(self, node: str, *, ready: bool) -> None:
        labels = {"app.kubernetes.io/component": "daemon"}
        metadata = {"namespace": cluster_settings.NAMESPACE, "name": f"daemon-{node}", "labels": labels}
        conditions = [{"type": "Ready", "status": str(ready)}]
        self.server.put(
            PODS, {"metadata": metadata, "spec": {"nodeName": node}, "status": {"conditions": conditions}}
        )

    async def reconcile(self) -> None:
        await self.list_all()
        await self.reconciler.reconcile(A)
        await self.write_events()

    async def write_events(self) -> None:
        """Those that the reconciler has reported."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.reconciler.events.run())
            await self.reconciler.events.written()
            task.cancel()

    def status(self, name: str = "a") -> dict[str, Any]:
        status: dict[str, Any] = self.server.read(NADS, name, "ns").get("status", {})
        return status

    def valid(self, name: str = "a") -> str:
        return str(self.status(name).get("conditions", [{}])[0].get("status"))

    def patches(self) -> list[api_server.Request]:
        return [request for request in self.server.requests if request.method == "PATCH"]

    def events(self) -> list[tuple[str, str]]:
        return [(event["type"], event["reason"]) for event in self.server.all(EVENTS)]

    def counted(self, valid: str) -> float | None:
        return self.metrics.registry.get_sample_value("netattach_nads", {"valid": valid})


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(Scene(server))

    asyncio.run(story())


@asynccontextmanager
async def running(scene: Scene) -> Any:
    await scene.list_all()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.reconciler.run())
        yield
        task.cancel()
