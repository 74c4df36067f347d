"""The cluster's NADs by what two of them can quarrel about: a link, or a store of leases.

A new NAD is held against those alone, so what the validator takes of it does not grow with the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netattach_core.api.nad import Nad
from netattach_core.api.objects import Key
from netattach_core.validation import footprint
from netattach_core.validation.footprint import Footprint

Neighbour = tuple[Nad, Footprint]


class FootprintIndex:
    """`limit` bounds how many are kept of one link, or of one store: the latest."""

    def __init__(self, nads: Iterable[Nad] = (), limit: int | None = None) -> None:
        self._groups: dict[tuple[str, str], dict[Key, Neighbour]] = {}
        self._known: dict[Key, Footprint] = {}
        self._limit = limit
        for nad in nads:
            self.put(nad)

    def put(self, nad: Nad) -> None:
        """A new one, or one whose text has changed."""
        key = (nad.namespace, nad.name)
        self.remove(key)
        mark = self._known[key] = footprint.from_nad(nad)
        for group in _groups(mark):
            members = self._groups.setdefault(group, {})
            members[key] = (nad, mark)
            if self._limit is not None and len(members) > self._limit:
                del members[next(iter(members))]

    def remove(self, key: Key) -> None:
        """One that is gone; nothing where it was never there."""
        mark = self._known.pop(key, footprint.NONE)
        for group in _groups(mark):
            members = self._groups.get(group, {})
            members.pop(key, None)
            if not members:
                self._groups.pop(group, None)

    def sharing(self, mark: Footprint) -> Mapping[Key, Neighbour]:
        """Those that share the link or the leases of a network, itself perhaps among them.

        A copy, made in one step: it may be asked for in one thread while another puts.
        """
        found: dict[Key, Neighbour] = {}
        for group in _groups(mark):
            found.update(self._groups.get(group, {}))
        return found


def _groups(mark: Footprint) -> tuple[tuple[str, str], ...]:
    return tuple((kind, name) for kind, name in (("link", mark.link), ("leases", mark.leases)) if name)


NONE = FootprintIndex()
