"""The contents of a network's leases, each read once: host-local reads all of them for each ADD.

A file that has been changed since has another inode, another time of its last change, or another size. The kernel's clock for
these times ticks every few milliseconds, so a file that was young when it was read is read again: a change within the same tick
would not show (git does the same with its index, "racy git").
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from netattach_plugin.state.host_local_directory import Identity, NetworkDirectory

_YOUNG = 100_000_000
"""Nanoseconds; a tick has at most 10 ms."""

_MOST = 2048
"""Leases of about 300 bytes each; of a network with more, none is remembered. A node has a few hundred pods."""


class ContentCache:
    """Each network's part is used under the network's lock alone."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, tuple[Identity, bytes]]] = {}

    def contents(
        self, network: str, directory: NetworkDirectory, names: Collection[str]
    ) -> Mapping[str, bytes]:
        """The contents of these files, empty for what is no regular file."""
        before = self._known.pop(network, {})
        if len(names) > _MOST:
            return {name: directory.read(name) for name in names}
        after: dict[str, tuple[Identity, bytes]] = {}
        found: dict[str, bytes] = {}
        for name in names:
            identity = directory.identity(name)
            known = before.get(name)
            if known is None or known[0] != identity:
                known = None if identity is None else (identity, directory.read(name))
            found[name] = b"" if known is None else known[1]
            if known is not None and _is_settled(known[0]):
                after[name] = known
        self._known[network] = after
        return found


def _is_settled(identity: Identity) -> bool:
    return time.time_ns() - identity[1] > _YOUNG
