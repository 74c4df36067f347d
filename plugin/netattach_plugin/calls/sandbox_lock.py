"""The lock of a sandbox that a shim holds for the time of its call: for what we do without that call (undo, retries, sweeps).

plugin/shim/lock.c is the other half. It is never waited for: its holder may be waiting for us.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class SandboxLocks:
    """Files in the directory of our socket, which lies in memory. A lock ends with its holder, who removes the file."""

    def __init__(self, socket: Path) -> None:
        self._directory = socket.parent / "locks"

    @contextlib.contextmanager
    def taken_if_free(self, container_id: str) -> Iterator[bool]:
        """The sandbox's lock where no shim has it; whether that is so."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / container_id
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            taken = _is_taken(descriptor, path)
            yield taken
            if taken:
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _is_taken(descriptor: int, path: Path) -> bool:
    """A file that its holder has removed since is nobody's lock any more."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
