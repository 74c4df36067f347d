"""Creates thousands of objects: a few thousand through the API server, the pods of a large cluster in its store.

The API server takes ten minutes for 50,000 pods on two cores. In etcd they are the same objects, and it serves them like others.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from netattach_kube.resource import INVENTORIES, NADS, NAMESPACES, NODES, Resource
from scale import objects
from scale.objects import Size
from support.connections import Connections
from support.load import Server

AT_ONCE = 24
_TRIES = 20
_BUSY = {429, 500, 503, 504}
_PAUSE = 0.5
_EXISTS = 409
_PER_TRANSACTION = 100
"""Objects; etcd takes 128, and 1.5 MB."""

ETCD = "http://127.0.0.1:2379"
_CREATED = "2026-11-30T12:00:00Z"

Body = dict[str, Any]
Write = tuple[Resource, Body]
Stored = tuple[str, Body]
"""A key of the store, and the object there."""


class LoadError(RuntimeError):
    """The API server, or etcd, refuses an object."""


class Loader:
    """`created` counts the objects."""

    def __init__(self, api: Connections, etcd: Connections) -> None:
        self._api = api
        self._etcd = etcd
        self.created = 0

    async def nodes(self, size: Size) -> dict[int, str]:
        """Returns the UIDs by number."""
        uids: dict[int, str] = {}

        def keep(number: int) -> Callable[[Body], None]:
            return lambda body: uids.update({number: body["metadata"]["uid"]})

        await _all(self._create(NODES, objects.node(each), keep(each)) for each in range(size.nodes))
        return uids

    async def write(self, writes: Iterable[Write]) -> None:
        await _all(self._create(*each) for each in writes)

    async def store(self, bodies: Iterable[Stored]) -> None:
        """Some in each transaction."""
        left = iter(bodies)
        batches = iter(lambda: list(itertools.islice(left, _PER_TRANSACTION)), [])
        await _all(self._put(batch) for batch in batches)

    async def _create(
        self, resource: Resource, body: Body, on_created: Callable[[Body], None] | None = None
    ) -> None:
        path = resource.path(namespace=body["metadata"].get("namespace", ""))
        text = await self._post(self._api, path, body)
        self.created += 1
        if on_created is not None:
            on_created(json.loads(text))

    async def _put(self, bodies: Iterable[Stored]) -> None:
        puts = [
            {"requestPut": {"key": _base64(key), "value": _base64(json.dumps(_stored(body)))}}
            for key, body in bodies
        ]
        await self._post(self._etcd, "/v3/kv/txn", {"success": puts})
        self.created += len(puts)

    async def _post(self, connections: Connections, path: str, body: Mapping[str, Any]) -> str:
        encoded, status, text = json.dumps(body).encode(), 0, ""
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                status, text = await connections.post(path, encoded)
                if status < 300 or status == _EXISTS:
                    return text
                if status not in _BUSY:
                    break
            await asyncio.sleep(_PAUSE)
        raise LoadError(f"POST {path}: {status} {text}")


async def _all(work: Iterable[Any]) -> None:
    """Some at a time, so that not all bodies are in memory."""
    left = iter(work)

    async def worker() -> None:
        for each in left:
            await each

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(worker())


def _stored(body: Body) -> Body:
    """With what the API server adds."""
    given = {"uid": str(uuid.uuid4()), "creationTimestamp": _CREATED}
    return {**body, "metadata": {**body["metadata"], **given}}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextlib.asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Loader]:
    async with server.connections() as api, Connections(ETCD, "", None) as etcd:
        yield Loader(api, etcd)


def namespaces(size: Size) -> Iterable[Write]:
    return ((NAMESPACES, objects.namespace(each)) for each in range(size.namespaces))


def networks(size: Size) -> Iterable[Write]:
    return ((NADS, objects.network(each)) for each in range(size.networks))


def nodes_parts(size: Size, uids: Mapping[int, str]) -> Iterable[Stored]:
    """What a Node's daemon makes of it: its inventory, and the daemon's pod."""
    for each in range(size.nodes):
        body = objects.inventory_body(each, uids[each], size.attached(each))
        body["metadata"]["generation"] = 1
        yield f"/registry/{INVENTORIES.group}/{INVENTORIES.plural}/{objects.node_name(each)}", body
        yield _pod(objects.daemon_pod(each) | objects.running(size.pods + each))


def pods(size: Size) -> Iterable[Stored]:
    return (_pod(objects.pod(each, size) | objects.running(each)) for each in range(size.pods))


def _pod(body: Body) -> Stored:
    return f"/registry/pods/{body['metadata']['namespace']}/{body['metadata']['name']}", body
