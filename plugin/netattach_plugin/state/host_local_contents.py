"""The leases of a network, read once as long as no file comes or goes: host-local reads all of them for each ADD.

Whoever creates or removes a file gives the directory the time of that change. These clocks tick every few milliseconds, so an
equal time proves nothing (git has the same problem with its index, "racy git"). So the daemon gives the directory a time that no
clock shows again, in the past and random. Once it has another one, all leases are read again. A lease that is changed in place
would not show; host-local never does so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from netattach_core.native import host_local
from netattach_plugin.state.host_local_directory import LOCK, NetworkDirectory

_MOST = 4096
"""Files of about 400 bytes each; of a network with more, none is remembered. A node has a few hundred pods."""

Owner = tuple[str, str]
"""A lease's container ID and interface."""


class NetworkContents:
    """The files of one network: `names` of all, and whose leases they are."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._leases: dict[str, dict[str, Owner]] = {}

    def add(self, name: str, content: bytes = b"") -> None:
        """A file; without content it is nobody's lease."""
        self.names.add(name)
        owner = host_local.owner(content)
        if owner[0]:
            self._leases.setdefault(owner[0], {})[name] = owner

    def remove(self, name: str, container_id: str) -> None:
        """A lease of this container."""
        self.names.discard(name)
        leases = self._leases.get(container_id, {})
        leases.pop(name, None)
        if not leases:
            self._leases.pop(container_id, None)

    def of(self, container_id: str) -> Mapping[str, Owner]:
        """The container's leases, with their owners."""
        return self._leases.get(container_id, {})


class ContentCache:
    """Each network's part is used under the network's lock alone."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, NetworkContents]] = {}

    @contextlib.contextmanager
    def contents(self, network: str, directory: NetworkDirectory) -> Iterator[NetworkContents]:
        """What is there; whoever changes files notes it there. After an error all is read again."""
        mark, found = self._known.pop(network, (None, None))
        if found is None or mark != directory.changed():
            mark, found = None, _read(directory)
        yield found
        if mark != directory.changed():
            mark = directory.mark()
        if mark is not None and len(found.names) <= _MOST:
            self._known[network] = mark, found


def _read(directory: NetworkDirectory) -> NetworkContents:
    found = NetworkContents()
    for name in directory.names():
        is_lease = name != LOCK and not name.startswith(host_local.LAST_RESERVED)
        found.add(name, directory.read(name) if is_lease else b"")
    return found
