"""The ledger on disk: one file per sandbox, each synced before its name is. What follows in the same call is appended."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

from netattach_core.attach import sandbox as sandboxes
from netattach_core.attach.sandbox import Sandbox
from netattach_core.errors import NetattachError
from netattach_plugin.files import atomic_file
from netattach_plugin.ports import Ledger

_log = logging.getLogger(__name__)

_RETRY_INTERVAL = 0.05


class FileLedger(Ledger):
    """Entries are `<container id>.json`, mode 0600, in a directory of mode 0700.

    Only a sync waits for the disk, so only a save runs in a thread: the switch there and back costs 0.7 ms of a DEL.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Waits until no other daemon uses this ledger: calls in progress there look interrupted here.

        The kernel releases the lock however a daemon ends. If the directory cannot be created the daemon serves all the same:
        each ADD reports the problem. Removes the temporary files of an earlier daemon.
        """
        try:
            self._make()
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            _log.error("the ledger cannot be locked: %s", error)  # without a traceback: no internal error
            yield
            return
        try:
            while not _lock(descriptor):  # noqa: ASYNC110  # another process signals no event
                await asyncio.sleep(_RETRY_INTERVAL)
            with contextlib.suppress(OSError):
                for path in self._leftovers():
                    path.unlink()
            yield
        finally:
            os.close(descriptor)

    async def load(self, container_id: str) -> Sandbox | None:
        try:
            data = self._path(container_id).read_bytes()
        except FileNotFoundError:
            return None
        return sandboxes.parse(data)

    async def save(self, sandbox: Sandbox) -> None:
        await asyncio.to_thread(self._write, self._path(sandbox.container_id), sandboxes.dump(sandbox))

    async def save_without_sync(self, sandbox: Sandbox) -> None:
        """Appended: after a loss of power the entry is at least what it was, on every file system.

        A replacement that is not synced may be empty then, and ext4 starts writing it to the disk at once (`auto_da_alloc`).
        """
        path = self._path(sandbox.container_id)
        try:
            atomic_file.append(path, sandboxes.dump_appended(sandbox))
        except FileNotFoundError:
            self._write(path, sandboxes.dump(sandbox), sync=False)

    async def remove(self, container_id: str) -> None:
        """No sync: an entry that a power cut brings back is deleted again."""
        self._path(container_id).unlink(missing_ok=True)

    async def container_ids(self) -> Sequence[str]:
        return sorted(path.stem for path in self._directory.glob("*.json"))

    async def compact(self) -> None:
        """One record per entry, as earlier releases read them: one of these may follow this daemon. Best effort."""
        await asyncio.to_thread(self._compact)

    def _compact(self) -> None:
        for path in self._directory.glob("*.json"):
            with contextlib.suppress(NetattachError, OSError):
                data = path.read_bytes()
                if sandboxes.is_appended(data):
                    self._write(path, sandboxes.dump(sandboxes.parse(data)), sync=False)

    def count(self) -> int:
        """The number of sandboxes."""
        return sum(1 for _ in self._directory.glob("*.json"))

    def _path(self, container_id: str) -> Path:
        return self._directory / f"{container_id}.json"

    def _leftovers(self) -> Iterable[Path]:
        """The directory is ours alone, so those of earlier releases too, which had other names."""
        return self._directory.glob("*.tmp")

    def _make(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _write(self, path: Path, data: bytes, *, sync: bool = True) -> None:
        """The directory is synced for a new entry only: after a power cut the previous one frees as much."""
        self._make()
        atomic_file.write(path, data, 0o600, sync=sync)


def _lock(descriptor: int) -> bool:
    """Returns whether the lock is ours."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
