"""The contents of a network's leases, each read once: host-local reads all of them for each ADD.

A file that has been changed since has another inode, another time of its last change, or another size. The kernel's clock for
these times ticks every few milliseconds, so a file that was young when it was read is read again: a change within the same tick
would not show (git does the same with its index, "racy git").
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from netattach_plugin.state.host_local_directory import Identity, NetworkDirectory

_YOUNG = 100_000_000
"""Nanoseconds; a tick has at most 10 ms."""

_MOST = 2048
"""Leases of a network that are remembered, of about 300 bytes each; a node has a few hundred pods."""


class ContentCache:
    """Each network's part is used under the network's lock alone."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[Identity, bytes]]] = {}

    def contents(
        self, network: str, directory: NetworkDirectory, names: Iterable[str]
    ) -> Mapping[str, bytes]:
        """The contents of these files, empty for what is no regular file."""
        before = self._known.get(network, {})
        after: dict[str, tuple[Identity, bytes]] = {}
        found: dict[str, bytes] = {}
        for name in names:
            identity = directory.identity(name)
            known = before.get(name)
            if known is None or known[0] != identity:
                known = None if identity is None else (identity, directory.read(name))
            found[name] = b"" if known is None else known[1]
            if known is not None and len(after) < _MOST and _is_settled(known[0]):
                after[name] = known
        self._known[network] = after
        return found


def _is_settled(identity: Identity) -> bool:
    return time.time_ns() - identity[1] > _YOUNG
