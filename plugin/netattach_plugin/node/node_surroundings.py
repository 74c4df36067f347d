"""The port NodeSurroundings: this node's own inventory, the cluster's subnets, and an index of the cluster's networks.

Events keep it up to date, so that no ADD has to collect anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.errors import TryAgainError
from netattach_core.policy.case import Surroundings
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.settings import ClusterNetworks

_log = logging.getLogger(__name__)

_WAIT = 5.0
"""Seconds that an ADD waits for what is not known yet, as just after the daemon's start; the runtime retries it then."""


class KnownSurroundings:
    """`subnets` returns the cluster's subnets in the settings. Known once there is an inventory and each NAD is indexed."""

    def __init__(self, subnets: Callable[[], ClusterNetworks] = ClusterNetworks, wait: float = _WAIT) -> None:
        self._subnets = subnets
        self._wait = wait
        self._inventory: NodeInventory | None = None
        self._footprints = FootprintIndex()
        self._unindexed: dict[Key, Nad | None] = {}
        self._work = asyncio.Event()
        self._indexed = False
        self._known = asyncio.Event()
        self._last: Surroundings | None = None

    async def current(self) -> Surroundings:
        if not self._known.is_set():
            await self._until_known()
        subnets = self._subnets()
        if self._last is None or self._last.cluster_networks != subnets:
            nodes = () if self._inventory is None else (self._inventory,)
            self._last = Surroundings(nodes, subnets, self._footprints)
        return self._last

    async def _until_known(self) -> None:
        try:
            async with asyncio.timeout(self._wait):
                await self._known.wait()
        except TimeoutError as error:
            what = "this node's inventory" if self._inventory is None else "the cluster's networks"
            raise TryAgainError(f"policy cannot be checked: {what} is not known yet") from error

    def put_inventory(self, inventory: NodeInventory) -> None:
        """The node's present inventory."""
        if inventory != self._inventory:
            self._inventory, self._last = inventory, None
        self._update_known()

    def put_nad(self, key: Key, nad: Nad | None) -> None:
        """A NAD that is new or has changed, None for one that is gone; `run` indexes it."""
        self._unindexed[key] = nad
        self._work.set()

    async def run(self, listed: asyncio.Event) -> None:
        """Indexes the networks, one at a time, so that calls go on meanwhile. `listed`: all have been put once. Never returns."""
        await listed.wait()
        while True:
            while self._unindexed:
                key, nad = self._unindexed.popitem()
                self._index(key, nad)
                await asyncio.sleep(0)
            self._indexed = True
            self._update_known()
            self._work.clear()
            await self._work.wait()

    def _index(self, key: Key, nad: Nad | None) -> None:
        self._last = None
        try:
            if nad is None:
                self._footprints.remove(key)
            else:
                self._footprints.put(nad)
        except Exception:  # noqa: BLE001  # one network must not end the daemon
            _log.exception("network %s is not compared with others", "/".join(key))

    def _update_known(self) -> None:
        if self._inventory is not None and self._indexed:
            self._known.set()
