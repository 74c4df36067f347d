"""The lookup of the webhooks, filled from a test cluster with some objects; used by the fuzz targets and tools/rules.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

from netattach_kube import resource
from netattach_kube.resource import Resource
from netattach_webhooks import cluster_cache, users_lookup
from netattach_webhooks.cluster_cache import ClusterCache
from support import api_server
from support.api_server import PATIENCE, ApiServer

RESOURCES = {each.kind: each for each in vars(resource).values() if isinstance(each, Resource)}


@asynccontextmanager
async def cluster(objects: Iterable[Mapping[str, Any]]) -> AsyncIterator[tuple[ClusterCache, ApiServer]]:
    """The lookup after its watches have listed all objects, and the API server, which may be slow on a busy machine."""
    with patch.object(cluster_cache, "_SECONDS", PATIENCE), patch.object(users_lookup, "_SECONDS", PATIENCE):
        async with _cluster(objects) as known:
            yield known


@asynccontextmanager
async def _cluster(objects: Iterable[Mapping[str, Any]]) -> AsyncIterator[tuple[ClusterCache, ApiServer]]:
    async with api_server.serving() as server:
        for body in objects:
            server.put(RESOURCES[body["kind"]], body)
        lookup = ClusterCache(server.api)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(lookup.run())
            async with asyncio.timeout(PATIENCE):
                while lookup.problem():  # noqa: ASYNC110  # there is no event to wait for
                    await asyncio.sleep(0.002)
            yield lookup, server
            watching.cancel()
