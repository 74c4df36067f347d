"""The networks of the cluster as a watch shows them, with the time of each change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from netattach_core.api.objects import Key
from netattach_kube.api import Api
from netattach_kube.resource import NADS

Body = dict[str, Any]
_PAGE = "500"
_SILENCE = 300.0


class NadStream:
    """`latest` has all networks."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.latest: dict[Key, Body] = {}
        self._changed_at: dict[Key, float] = {}
        self._changed: set[Key] = set()
        self._more = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[NadStream]:
        version = await self._list()
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(self._watch(version))
            yield self
            watch.cancel()

    async def wait(
        self, keys: Collection[Key], is_right: Callable[[Key, Body], bool], seconds: float
    ) -> Mapping[Key, float]:
        """Until all of these networks are right; returns when each became so. Raises AssertionError."""
        right: dict[Key, float] = {}
        left = set(keys)
        self._changed |= left
        try:
            async with asyncio.timeout(seconds):
                while True:
                    for key in [each for each in self._changed & left if is_right(each, self.latest[each])]:
                        left.discard(key)
                        right[key] = self._changed_at[key]
                    self._changed.clear()
                    if not left:
                        return right
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            key = next(iter(left))
            status = self.latest[key].get("status")
            raise AssertionError(
                f"{len(left)} of {len(keys)} are not right within {seconds:g} s: {key} {status}"
            ) from None

    async def _list(self) -> str:
        version = ""
        async for page in self._api.pages(NADS, {"limit": _PAGE}):
            version = page["metadata"]["resourceVersion"]
            for body in page["items"]:
                self._put(body)
        return version

    async def _watch(self, version: str) -> None:
        query = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": "3600"}
        async with aclosing(self._api.watch(NADS, query, silence=_SILENCE)) as events:
            async for event in events:
                if event["type"] in {"ADDED", "MODIFIED"}:
                    self._put(event["object"])
                    self._more.set()

    def _put(self, body: Body) -> None:
        key = body["metadata"]["namespace"], body["metadata"]["name"]
        self.latest[key] = body
        self._changed_at[key] = time.monotonic()
        self._changed.add(key)


def ready(body: Body) -> int:
    """On how many nodes a network is ready; -1 where that is not known."""
    return int((body.get("status") or {}).get("nodes", {}).get("ready", -1))


def total(body: Body) -> int:
    return int((body.get("status") or {}).get("nodes", {}).get("total", -1))


def is_observed(body: Body) -> bool:
    """Whether the whole status is about the present generation."""
    generation, status = body["metadata"]["generation"], body.get("status") or {}
    return status.get("observedGeneration") == generation and all(
        each.get("observedGeneration") == generation for each in status.get("conditions") or [{}]
    )
