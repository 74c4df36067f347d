"""An index of the cluster's networks by link and by store of leases.

A NAD is compared only with those that share one of the two, so that the time does not grow with the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.validation import footprint
from netattach_core.validation.footprint import Footprint

Entry = tuple[Nad, Footprint]

_LEASES = "leases"


class FootprintIndex:
    """With `limit`, only the latest so many networks of each link and of each store are kept."""

    def __init__(self, nads: Iterable[Nad] = (), limit: int | None = None) -> None:
        self._groups: dict[tuple[str, str], dict[Key, Entry]] = {}
        self._known: dict[Key, Footprint] = {}
        self._limit = limit
        for nad in nads:
            self.put(nad)

    def put(self, nad: Nad) -> None:
        """Adds a network, or replaces it after a change."""
        key = (nad.namespace, nad.name)
        self.remove(key)
        new = self._known[key] = footprint.from_nad(nad)
        for group in _groups(new):
            members = self._groups.setdefault(group, {})
            members[key] = (nad, new)
            if self._limit is not None and len(members) > self._limit:
                del members[next(iter(members))]

    def remove(self, key: Key) -> None:
        """Removes a network; does nothing where there is none."""
        old = self._known.pop(key, footprint.NONE)
        for group in _groups(old):
            members = self._groups.get(group, {})
            members.pop(key, None)
            if not members:
                self._groups.pop(group, None)

    def sharing(self, wanted: Footprint) -> Mapping[Key, Entry]:
        """The networks that share the link or the store of leases of a footprint; its own network may be among them.

        The copy is made in one step, so that another thread may call `put` meanwhile.
        """
        found: dict[Key, Entry] = {}
        for group in _groups(wanted):
            found.update(self._groups.get(group, {}))
        return found

    def with_store(self, directory: str) -> Mapping[Key, Entry]:
        """The networks with leases in a directory, likewise as a copy."""
        return dict(self._groups.get((_LEASES, footprint.lease_group(directory)), {}))


def _groups(mine: Footprint) -> tuple[tuple[str, str], ...]:
    links = (("link", mine.link),) if mine.link else ()
    return (*links, *((_LEASES, name) for name in mine.lease_groups))


NONE = FootprintIndex()
