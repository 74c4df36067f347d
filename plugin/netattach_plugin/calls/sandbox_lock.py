"""The lock that a shim holds on its sandbox during a call, for what the daemon does outside of that call: retries and sweeps.

The shim's side is plugin/shim/lock.c. The daemon never waits for it, since its holder may be waiting for the daemon.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class SandboxLocks:
    """Files next to the daemon's socket, on a tmpfs. A lock ends with its holder, which removes the file."""

    def __init__(self, socket: Path) -> None:
        self._directory = socket.parent / "locks"

    @contextlib.contextmanager
    def lock_if_free(self, container_id: str) -> Iterator[bool]:
        """The sandbox's lock where no shim holds it; yields whether it does."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._directory / container_id
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            locked = _lock(descriptor, path)
            yield locked
            if locked:
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _lock(descriptor: int, path: Path) -> bool:
    """Whether that succeeds; never on a file that its holder has removed since it was opened."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except (BlockingIOError, FileNotFoundError):
        return False
