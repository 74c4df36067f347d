"""The contents of a network's leases, each read once: host-local reads all of them for each ADD.

A file that has been changed since has another inode, another time of its last change, or another size. The kernel's clock for
these times ticks every few milliseconds, and a change within the same tick would not show (git has the same problem with its
index, "racy git"). So a content counts once it was read a while after the file was first seen like that.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from netattach_plugin.state.host_local_directory import Identity, NetworkDirectory

_SETTLING = 0.1
"""Seconds; a tick has at most 10 ms."""

_MOST = 2048
"""Leases of about 300 bytes each; of a network with more, none is remembered. A node has a few hundred pods."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was first seen at `since`, in monotonic seconds, and its content as it was read at `read`."""

    identity: Identity
    since: float
    read: float
    content: bytes

    @property
    def is_settled(self) -> bool:
        return self.read - self.since > _SETTLING


class ContentCache:
    """Each network's part is used under the network's lock alone."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, _Seen]] = {}

    def contents(
        self, network: str, directory: NetworkDirectory, names: Collection[str]
    ) -> Mapping[str, bytes]:
        """The contents of these files, empty for what is no regular file."""
        before = self._known.pop(network, {})
        if len(names) > _MOST:
            return {name: directory.read(name) for name in names}
        seen = {name: _look(directory, name, before.get(name)) for name in names}
        self._known[network] = {name: each for name, each in seen.items() if each is not None}
        return {name: b"" if each is None else each.content for name, each in seen.items()}


def _look(directory: NetworkDirectory, name: str, known: _Seen | None) -> _Seen | None:
    """None for what is no regular file."""
    identity = directory.identity(name)
    if identity is None:
        return None
    now = time.monotonic()
    if known is None or known.identity != identity:
        return _Seen(identity, now, now, directory.read(name))
    return known if known.is_settled else _Seen(identity, known.since, now, directory.read(name))
