"""Whose leases are in host-local's store: a directory per network, in it a file per address, by host-local or the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from netattach_core.errors import TryAgainError
from netattach_core.native import host_local
from netattach_plugin.ports import Leases
from netattach_plugin.state import host_local_directory

_log = logging.getLogger(__name__)


class HostLocalLeases(Leases):
    """Of networks whose config has no `dataDir`: only the default directory is read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def of_sandbox(self, container_id: str) -> Sequence[tuple[str, str]]:
        return await asyncio.to_thread(self._of_sandbox, container_id)

    async def still_held(
        self, container_id: str, leases: Iterable[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        """Reads a file or two per network, so without a thread."""
        return [each for each in leases if _owner(self._directory.joinpath(*each))[0] == container_id]

    async def remove_ownerless(self) -> Sequence[str]:
        """host-local creates the file of an address first and then writes the owner; a kill in between leaves it empty for ever.

        Under host-local's lock, so none that is about to be written. Where that is held, or the disk fails, the next sweep
        removes them.
        """
        try:
            return await asyncio.to_thread(lambda: list(self._remove_ownerless()))
        except OSError as error:
            _log.warning("the leases in %s cannot be listed: %s", self._directory, error.strerror)
            return ()

    def _of_sandbox(self, container_id: str) -> list[tuple[str, str]]:
        found = set()
        for path in self._directory.glob("*/*"):
            owner, ifname = _owner(path)
            if owner == container_id:
                found.add((path.parent.name, ifname or "eth0"))
        return sorted(found)

    def _remove_ownerless(self) -> Iterator[str]:
        for network in sorted({path.parent for path in self._directory.glob("*/*") if _is_ownerless(path)}):
            # Left out where host-local works, has never worked, or the file system has no locks.
            with (
                contextlib.suppress(OSError, TryAgainError),
                host_local_directory.locked(network, 0, create=False),
            ):
                yield from _remove_ownerless_in(network)


def _remove_ownerless_in(network: Path) -> Iterator[str]:
    for path in filter(_is_ownerless, sorted(network.glob("*"))):
        try:
            path.unlink()
        except OSError as error:
            _log.warning("the lease %s without an owner cannot be removed: %s", path, error.strerror)
            continue
        _log.info(
            "removed the lease %s: it has no owner, since host-local was killed while it wrote it", path
        )
        yield str(path)


def _is_ownerless(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return host_local.is_address(path.name) and stat.S_ISREG(found.st_mode) and not found.st_size


def _owner(path: Path) -> tuple[str, str]:
    """Two empty texts if the file cannot be read."""
    try:
        return host_local.owner(path.read_bytes())
    except OSError:
        return "", ""
