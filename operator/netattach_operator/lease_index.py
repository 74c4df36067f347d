"""Which networks have their leases in one store of host-local, so that a change of one is a change for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from netattach_core.api import nad
from netattach_core.api.nad import Nad
from netattach_core.api.objects import Body, Key
from netattach_core.errors import ConfigError
from netattach_core.validation import footprint
from netattach_core.validation.footprint import Footprint
from netattach_core.validation.footprint_index import FootprintIndex


class Other(NamedTuple):
    """A network that shares a store: its key, its age, and its stores."""

    key: Key
    created: str
    footprint: Footprint


class LeaseIndex:
    """An index of all networks. `affected` is called with each other network that shares a store with one that changes."""

    def __init__(self, affected: Callable[[Key], None]) -> None:
        self.footprints = FootprintIndex()
        self._affected = affected
        self._known: dict[Key, Footprint] = {}

    def put(self, key: Key, body: Body | None) -> None:
        """The NAD, None for one that is gone."""
        before = self._known.pop(key, footprint.NONE)
        network = _read(body)
        after = footprint.from_nad(network) if network is not None else footprint.NONE
        if network is None:
            self.footprints.remove(key)
        else:
            self._known[key] = after
            self.footprints.put(network)
        if before.stores != after.stores:
            for other in {each.key for each in (*self._sharing(before), *self._sharing(after))} - {key}:
                self._affected(other)

    def others(self, key: Key) -> frozenset[Other]:
        """The networks that share a store with this one."""
        return frozenset(
            each for each in self._sharing(self._known.get(key, footprint.NONE)) if each.key != key
        )

    def _sharing(self, mine: Footprint) -> list[Other]:
        """Not those that share the link alone."""
        if not mine.stores:
            return []
        return [
            Other(key, network.created, known)
            for key, (network, known) in self.footprints.sharing(mine).items()
            if known.lease_groups & mine.lease_groups
        ]


def _read(body: Body | None) -> Nad | None:
    try:
        return None if body is None else nad.from_body(body)
    except ConfigError:
        return None  # a config that is not text has no leases
