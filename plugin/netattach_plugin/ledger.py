"""The ledger on disk: one file per sandbox, written to a temporary name, synced, renamed, and the directory synced."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from netattach_core import sandbox as sandboxes
from netattach_core.sandbox import Sandbox


class FileLedger:
    """Entries are `<container id>.json`, mode 0600, in a directory of mode 0700.

    Only the syncing waits for the disk, so only a save leaves the event loop: the way to a thread and back is 0.7 ms of a DEL.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def load(self, container_id: str) -> Sandbox | None:
        try:
            data = self._path(container_id).read_bytes()
        except FileNotFoundError:
            return None
        return sandboxes.parse(data)

    async def save(self, sandbox: Sandbox) -> None:
        await asyncio.to_thread(self._write, self._path(sandbox.container_id), sandboxes.dump(sandbox))

    async def remove(self, container_id: str) -> None:
        self._path(container_id).unlink(
            missing_ok=True
        )  # not synced: one that comes back after a power cut is deleted again

    def count(self) -> int:
        """How many sandboxes it holds."""
        return sum(1 for _ in self._directory.glob("*.json"))

    def _path(self, container_id: str) -> Path:
        return self._directory / f"{container_id}.json"

    def _write(self, path: Path, data: bytes) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary, is_new = path.with_suffix(".tmp"), not path.exists()
        try:
            self._write_and_sync(temporary, data)
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        if is_new:  # else a power cut leaves the earlier entry, which says less and frees as much
            self._sync_directory()

    def _write_and_sync(self, path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
