"""The ledger on disk: one file per sandbox, written to a temporary name, synced, renamed, and the directory synced."""

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
from netattach_plugin.ports import Ledger

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.05


class FileLedger(Ledger):
    """Entries are `<container id>.json`, mode 0600, in a directory of mode 0700.

    Only the syncing waits for the disk, so only a save leaves the event loop: the way to a thread and back is 0.7 ms of a DEL.
    """

    def __init__(self, directory: Path, leases: Path | None = None) -> None:
        """`leases`: host-local's directory, which tells of a sandbox whose entry cannot be read."""
        self._directory = directory
        self._leases = leases

    @contextlib.asynccontextmanager
    async def kept_alone(self) -> AsyncIterator[None]:
        """Waits until no other daemon keeps this ledger: what one has under way looks unfinished to the next.

        The kernel gives the lock back however a daemon ends. A directory that cannot be made is no reason not to serve: each
        ADD will say so. What an earlier daemon had not yet renamed is cleared away.
        """
        try:
            self._make()
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            _log.error("the ledger cannot be kept: %s", error)  # no defect
            yield
            return
        try:
            while not _is_locked(descriptor):  # noqa: ASYNC110  # no event tells of another process
                await asyncio.sleep(_PAUSE_SECONDS)
            with contextlib.suppress(OSError):
                for path in self._half_written():
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

    async def note(self, sandbox: Sandbox) -> None:
        self._write(self._path(sandbox.container_id), sandboxes.dump(sandbox), synced=False)

    async def remove(self, container_id: str) -> None:
        self._path(container_id).unlink(
            missing_ok=True
        )  # not synced: one that comes back after a power cut is deleted again

    async def leases(self, container_id: str) -> Sequence[tuple[str, str]]:
        return await asyncio.to_thread(self._read_leases, container_id)

    async def still_leased(
        self, container_id: str, leases: Iterable[tuple[str, str]]
    ) -> Sequence[tuple[str, str]]:
        """A file or two for each network, so without a thread."""
        if self._leases is None:
            return ()
        return [each for each in leases if _lease(self._leases.joinpath(*each))[:1] == [container_id]]

    async def container_ids(self) -> Sequence[str]:
        return sorted(path.stem for path in self._directory.glob("*.json"))

    def count(self) -> int:
        """How many sandboxes it holds."""
        return sum(1 for _ in self._directory.glob("*.json"))

    def _path(self, container_id: str) -> Path:
        return self._directory / f"{container_id}.json"

    def _read_leases(self, container_id: str) -> list[tuple[str, str]]:
        found = set()
        for path in self._leases.glob("*/*") if self._leases else ():
            lines = _lease(path)
            if lines[:1] == [container_id]:
                found.add((path.parent.name, lines[1] if len(lines) > 1 else "eth0"))
        return sorted(found)

    def _half_written(self) -> Iterable[Path]:
        return self._directory.glob("*.tmp")

    def _make(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _write(self, path: Path, data: bytes, *, synced: bool = True) -> None:
        self._make()
        temporary, is_new = path.with_suffix(".tmp"), not path.exists()
        try:
            self._write_file(temporary, data, synced=synced)
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        if is_new and synced:  # else a power cut leaves the earlier entry, which says less and frees as much
            self._sync_directory()

    def _write_file(self, path: Path, data: bytes, *, synced: bool) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if synced:
                os.fsync(file.fileno())

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lease(path: Path) -> list[str]:
    """host-local's file is named by the address and holds the container's id and the interface, a line each."""
    try:
        return path.read_text().split()
    except (OSError, UnicodeDecodeError):
        return []


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
