"""What is known of the cluster while an object is judged: which NADs there are, and what nodes have.

Both come from watches, so that a review costs the API server nothing. Only a network that the watch has not told of is asked for:
a pod is often applied right after its NAD.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core import inventory
from netattach_core.errors import NetattachError, NotFoundError, TryAgainError
from netattach_core.inventory import NodeInventory
from netattach_kube.api import Api
from netattach_kube.resource import INVENTORIES, NADS
from netattach_kube.watched import Key, Watched

_SECONDS = 0.5
"""For all networks of a pod together; its creation waits for them."""

_MOST = 16
"""Networks of one pod that are asked for; no pod has more, and an annotation has room for thousands."""


class NotSyncedError(TryAgainError):
    """Too little is known yet to judge."""


@dataclass(frozen=True, slots=True)
class Missed:
    """Networks that are not there, and those of which nobody knows, with the reason."""

    absent: tuple[Key, ...] = ()
    uncertain: tuple[Key, ...] = ()
    why: str = ""


class Lookup:
    """Each answer raises NotSyncedError until what it rests on has been listed once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._nads: Watched[bool] = Watched(api, NADS, lambda _: True, metadata_only=True)
        self._inventories = Watched(api, INVENTORIES, _inventory, changed=self._inventory_changed)
        self._nodes: tuple[NodeInventory, ...] | None = None

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._nads.run(), name="watch of NADs")
            tasks.create_task(self._inventories.run(), name="watch of inventories")

    def problem(self) -> str | None:
        """For readiness."""
        watches = (("networks", self._nads.synced), ("node inventories", self._inventories.synced))
        missing = [what for what, synced in watches if not synced.is_set()]
        return f"not listed yet: {', '.join(missing)}" if missing else None

    def nodes(self) -> Sequence[NodeInventory]:
        """By name, so that the judge says the same of the same; empty where none has reported."""
        _demand(self._inventories, "node inventories")
        if self._nodes is None:
            items = self._inventories.items()
            self._nodes = tuple(items[key] for key in sorted(items))
        return self._nodes

    def networks(self) -> Collection[Key]:
        _demand(self._nads, "networks")
        return self._nads.items().keys()

    async def missed(self, networks: Collection[Key]) -> Missed:
        """Of these networks, those that are not there for certain, and those that could not be looked up."""
        if not networks:
            return Missed()
        there = self.networks()
        unheard = [key for key in networks if key not in there]
        if not unheard:
            return Missed()
        found = await asyncio.gather(*(self._look_up(key) for key in unheard[:_MOST]))
        asked = dict(zip(unheard, found, strict=False))
        uncertain = {key: why for key, why in asked.items() if isinstance(why, str)}
        uncertain |= dict.fromkeys(unheard[_MOST:], f"more than {_MOST} at once are not")
        absent = tuple(key for key, why in asked.items() if why is False)
        return Missed(absent, tuple(uncertain), next(iter(uncertain.values()), ""))

    async def _look_up(self, key: Key) -> bool | str:
        """Whether it is there, or why that is not known."""
        namespace, name = key
        try:
            await self._api.get_metadata(NADS, name, namespace, seconds=_SECONDS)
        except NotFoundError:
            return False
        except NetattachError as error:
            return error.message
        return True

    def _inventory_changed(self, _: Key) -> None:
        self._nodes = None


def _demand(watched: Watched[Any], what: str) -> None:
    if not watched.synced.is_set():
        raise NotSyncedError(f"{what} are not listed yet; try again")


def _inventory(body: dict[str, Any]) -> NodeInventory | None:
    """None for a node that has told nothing yet."""
    read = inventory.from_dict({**(body.get("status") or {}), "node": body["metadata"]["name"]})
    return read if read.interfaces or read.plugins else None
