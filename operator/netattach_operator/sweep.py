"""Lists NADs and inventories at the start, and again now and then: what a watch loses is found here.

kopf tells nothing of objects that were deleted while its watch was broken.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from netattach_core.errors import NetattachError
from netattach_kube.api import Api
from netattach_kube.resource import INVENTORIES, NADS, Resource
from netattach_operator.view import Objects, View

_log = logging.getLogger(__name__)

_EVERY = 600.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_PAGE = "200"


class Sweep:
    """`listed` is set once everything is known; before, a validation would be one without the nodes."""

    def __init__(self, api: Api, view: View) -> None:
        self._api = api
        self._view = view
        self.listed = asyncio.Event()

    async def run(self) -> None:
        """Never returns."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self.once()
            except NetattachError as error:
                _log.warning("NADs and inventories are not listed: %s", error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            await asyncio.sleep(_EVERY)

    async def once(self) -> None:
        """Raises NetattachError."""
        await self._list(INVENTORIES, self._view.inventories)
        await self._list(NADS, self._view.nads)
        self.listed.set()

    async def _list(self, resource: Resource, objects: Objects[Any]) -> None:
        query, keys, version = {"limit": _PAGE}, set(), 0
        while True:
            page = await self._api.page(resource, query)
            version = version or int(page["metadata"]["resourceVersion"])
            for body in page.get("items") or ():
                objects.take(body)
                keys.add((body["metadata"].get("namespace") or "", body["metadata"]["name"]))
            if not page["metadata"].get("continue"):
                break
            query = {**query, "continue": page["metadata"]["continue"]}
        objects.settle(keys, version)
