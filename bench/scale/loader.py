"""Creates thousands of objects over a few connections that stay open."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from netattach_kube.resource import INVENTORIES, NADS, NAMESPACES, NODES, PODS, Resource
from scale import objects
from scale.objects import Size
from support.connections import Connections
from support.load import Server

AT_ONCE = 24
_TRIES = 20
_BUSY = {429, 500, 503, 504}
_PAUSE = 0.5
_EXISTS = 409

_MERGE_PATCH = "application/merge-patch+json"

Body = dict[str, Any]
Write = tuple[Resource, Body, Mapping[str, Any] | None]
"""A kind, an object of it, and the patch of its status, which the API server drops from new pods."""


class LoadError(RuntimeError):
    """The API server refuses an object."""


class Loader:
    """`created` counts the objects."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.created = 0

    async def nodes(self, size: Size) -> dict[int, str]:
        """Returns the UIDs by number."""
        uids: dict[int, str] = {}

        def keep(number: int) -> Callable[[Body], None]:
            return lambda body: uids.update({number: body["metadata"]["uid"]})

        await self._all(
            self._create(NODES, objects.node(each), None, keep(each)) for each in range(size.nodes)
        )
        return uids

    async def write(self, writes: Iterable[Write]) -> None:
        await self._all(self._create(*each) for each in writes)

    async def _all(self, work: Iterable[Any]) -> None:
        """Some at a time, so that not all bodies are in memory."""
        left = iter(work)

        async def worker() -> None:
            for each in left:
                await each

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(worker())

    async def _create(
        self,
        resource: Resource,
        body: Body,
        status: Mapping[str, Any] | None,
        on_created: Callable[[Body], None] | None = None,
    ) -> None:
        metadata = body["metadata"]
        namespace = metadata.get("namespace", "")
        text = await self._send("POST", resource.path(namespace=namespace), body, "application/json")
        self.created += 1
        if on_created is not None:
            on_created(json.loads(text))
        if status is not None:
            await self._send(
                "PATCH", resource.path(metadata["name"], namespace, "status"), status, _MERGE_PATCH
            )

    async def _send(self, method: str, path: str, body: Mapping[str, Any], content_type: str) -> str:
        encoded, status, text = json.dumps(body).encode(), 0, ""
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                status, text = await self._connections.request(method, path, encoded, content_type)
                if status < 300 or status == _EXISTS:
                    return text
                if status not in _BUSY:
                    break
            await asyncio.sleep(_PAUSE)
        raise LoadError(f"{method} {path}: {status} {text}")


@contextlib.asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Loader]:
    async with server.connections() as connections:
        yield Loader(connections)


def namespaces(size: Size) -> Iterable[Write]:
    return ((NAMESPACES, objects.namespace(each), None) for each in range(size.namespaces))


def networks(size: Size) -> Iterable[Write]:
    return ((NADS, objects.network(each), None) for each in range(size.networks))


def nodes_parts(size: Size, uids: Mapping[int, str]) -> Iterable[Write]:
    """What a Node's daemon makes of it: its inventory, and the daemon's pod."""
    for each in range(size.nodes):
        yield INVENTORIES, objects.inventory_body(each, uids[each], size.attached(each)), None
        yield PODS, objects.daemon_pod(each), objects.running(size.pods + each)


def pods(size: Size) -> Iterable[Write]:
    return ((PODS, objects.pod(each, size), objects.running(each)) for each in range(size.pods))
