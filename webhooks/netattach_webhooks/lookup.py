"""What is known of the cluster while an object is validated: NADs, what nodes have, which pods use what, the settings.

All of it comes from watches, so that a review costs the API server nothing. Only a network that the watch has not told of is
asked for: a pod is often applied right after its NAD.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netattach_core import admission
from netattach_core.api import inventory
from netattach_core.api import nad as nads
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.errors import NetattachError, NotFoundError, TryAgainError
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.settings import ValidationSettings
from netattach_kube.api import Api
from netattach_kube.live_settings import LiveSettings
from netattach_kube.pods_by_nad import RUNNING, PodsByNad, networks_of
from netattach_kube.resource import INVENTORIES, NADS, PODS
from netattach_kube.watched import Watched

_SECONDS = 0.5
"""For all networks of a pod together; its creation waits for them."""

_MOST = 16
"""Networks of one pod that are asked for; no pod has more, and an annotation has room for thousands."""


class NotSyncedError(TryAgainError):
    """Too little is known yet to validate."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Of some networks: those that are there, those that are not, and those of which nobody knows, with the reason."""

    found: Mapping[Key, Nad] = field(default_factory=dict)
    absent: tuple[Key, ...] = ()
    uncertain: tuple[Key, ...] = ()
    why: str = ""


class Lookup:
    """Each answer raises NotSyncedError until what it rests on has been listed once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._nads: Watched[Nad] = Watched(api, NADS, nads.from_body, changed=self._nad_changed)
        self._inventories = Watched(api, INVENTORIES, _inventory, changed=self._inventory_changed)
        self._pods = Watched(
            api, PODS, self._networks, fields=RUNNING, metadata_only=True, changed=self._pod_changed
        )
        self._users = PodsByNad()
        self._settings = LiveSettings(api, lambda read: admission.settings_problems(read.validation))
        self._nodes: tuple[NodeInventory, ...] | None = None
        self._neighbours = FootprintIndex()

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._nads.run(), name="watch of NADs")
            tasks.create_task(self._inventories.run(), name="watch of inventories")
            tasks.create_task(self._pods.run(), name="watch of pods")
            tasks.create_task(self._settings.run(), name="watch of settings")

    def problem(self) -> str | None:
        """For readiness."""
        watches = (
            ("networks", self._nads.synced),
            ("node inventories", self._inventories.synced),
            ("pods", self._pods.synced),
            ("settings", self._settings.synced),
        )
        missing = [what for what, synced in watches if not synced.is_set()]
        return f"not listed yet: {', '.join(missing)}" if missing else None

    def settings(self) -> ValidationSettings:
        _demand(self._settings.synced, "settings")
        return self._settings.current.validation

    def nodes(self) -> Sequence[NodeInventory]:
        """By name, so that the validator says the same of the same; empty where none has reported."""
        _demand(self._inventories.synced, "node inventories")
        if self._nodes is None:
            items = self._inventories.items()
            self._nodes = tuple(items[key] for key in sorted(items))
        return self._nodes

    def neighbours(self) -> FootprintIndex:
        """All of them, by what they take of the cluster."""
        _demand(self._nads.synced, "networks")
        return self._neighbours

    def networks(self) -> Collection[Key]:
        return self._known_nads().keys()

    def users(self, nad: Key) -> Sequence[Key]:
        """The pods that use a network and are not on their way out."""
        _demand(self._pods.synced, "pods")
        return list(self._users.pods(nad))

    async def look(self, networks: Collection[Key]) -> Looked:
        """What is known of these networks, and of those that the watch has not told of what the API server says."""
        if not networks:
            return Looked()
        there = self._known_nads()
        known = {key: there[key] for key in networks if key in there}
        unheard = [key for key in networks if key not in there]
        if not unheard:
            return Looked(known)
        answers = await asyncio.gather(*(self._look_up(key) for key in unheard[:_MOST]))
        asked = dict(zip(unheard, answers, strict=False))
        uncertain = {key: why for key, why in asked.items() if isinstance(why, str)}
        uncertain |= dict.fromkeys(unheard[_MOST:], f"more than {_MOST} at once are not")
        found = {key: answer for key, answer in asked.items() if isinstance(answer, Nad)}
        absent = tuple(key for key, answer in asked.items() if answer is None)
        return Looked(known | found, absent, tuple(uncertain), next(iter(uncertain.values()), ""))

    async def _look_up(self, key: Key) -> Nad | str | None:
        """The network; None where it is not there, and a text says why that is not known."""
        namespace, name = key
        try:
            return nads.from_body(await self._api.get(NADS, name, namespace, seconds=_SECONDS))
        except NotFoundError:
            return None
        except NetattachError as error:
            return error.message

    def _known_nads(self) -> Mapping[Key, Nad]:
        _demand(self._nads.synced, "networks")
        return self._nads.items()

    def _networks(self, pod: dict[str, Any]) -> str | None:
        """A pod that goes is no reason to keep a network."""
        if pod["metadata"].get("deletionTimestamp"):
            return None
        return networks_of(pod, self._settings.current.validation.selection.namespace)

    def _nad_changed(self, key: Key) -> None:
        """What it takes of the cluster is read now, so that no review waits for that of a thousand of them."""
        nad = self._nads.get(*key)
        if nad is None:
            self._neighbours.remove(key)
        else:
            self._neighbours.put(nad)

    def _inventory_changed(self, _: Key) -> None:
        self._nodes = None

    def _pod_changed(self, pod: Key) -> None:
        self._users.put(pod, self._pods.get(*pod) or "")


def _demand(synced: asyncio.Event, what: str) -> None:
    if not synced.is_set():
        raise NotSyncedError(f"{what} are not listed yet; try again")


def _inventory(body: dict[str, Any]) -> NodeInventory | None:
    """None for a node that has told nothing yet."""
    read = inventory.from_dict({**(body.get("status") or {}), "node": body["metadata"]["name"]})
    return read if read.interfaces or read.plugins else None
