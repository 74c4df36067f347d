"""host-local's store: a directory per network, in it a file per address, with container id and interface as its lines."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ipaddress
import logging
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from netattach_plugin.ports import Leases

_log = logging.getLogger(__name__)

_LOCK = "lock"
"""Locked by host-local while it changes the network's directory (plugins/ipam/host-local/backend/disk/lock.go)."""


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
        return [each for each in leases if _lines(self._directory.joinpath(*each))[:1] == [container_id]]

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
            lines = _lines(path)
            if lines[:1] == [container_id]:
                found.add((path.parent.name, lines[1] if len(lines) > 1 else "eth0"))
        return sorted(found)

    def _remove_ownerless(self) -> Iterator[str]:
        for network in sorted({path.parent for path in self._directory.glob("*/*") if _is_ownerless(path)}):
            with _locked(network) as is_ours:
                yield from _remove_ownerless_in(network) if is_ours else ()


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
        ipaddress.ip_address(path.name)
        found = path.lstat()
    except (ValueError, OSError):
        return False
    return stat.S_ISREG(found.st_mode) and not found.st_size


@contextlib.contextmanager
def _locked(network: Path) -> Iterator[bool]:
    """False where host-local has the lock, or has never created it."""
    try:
        descriptor = os.open(network / _LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # a file system without locks, too
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def _lines(path: Path) -> list[str]:
    """Empty if the file cannot be read."""
    try:
        return path.read_text().split()
    except (OSError, UnicodeDecodeError):
        return []
