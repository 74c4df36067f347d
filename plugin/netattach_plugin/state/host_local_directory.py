"""A network's directory in host-local's store, under host-local's lock.

Source: `plugins/ipam/host-local/backend/disk/{backend,lock}.go` of the reference plugins 1.9.1. What differs: files exist whole
or not at all, so that a kill leaves no address without an owner; links are neither followed nor written through; and a lock that
is never released ends the call instead of keeping it for ever.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import fnmatch
import os
import secrets
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from netattach_core.errors import TryAgainError
from netattach_plugin.files import atomic_file

LOCK = "lock"
"""Locked by host-local while it changes the network's directory."""

_LOCK_MODE = 0o750  # go-filemutex
_DIRECTORY_MODE = 0o755
_FILE_MODE = 0o600

_LONGEST = 4096
"""Bytes of a file that are read: a container ID and an interface's name are far shorter."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.01
"""Seconds between two attempts at the lock; host-local itself holds it for a millisecond."""


_SECOND = 10**9
"""In nanoseconds."""


class NetworkDirectory:
    """The files of one network. All methods raise OSError; `read` and `mark` do not."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def names(self) -> list[str]:
        """All files, without the temporary ones of killed processes, which it removes: whoever writes has the lock."""
        with os.scandir(self._descriptor) as entries:
            names = [entry.name for entry in entries]
        leftovers = fnmatch.filter((name for name in names if name.startswith(".")), atomic_file.TEMPORARY)
        for name in leftovers:
            self.remove(name)
        return [name for name in names if name not in leftovers] if leftovers else names

    def read(self, name: str) -> bytes:
        """The content of a regular file; empty for anything else, and where it cannot be read."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, dir_fd=self._descriptor)
        except OSError:
            return b""
        try:
            is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return os.read(descriptor, _LONGEST) if is_regular else b""
        except OSError:
            return b""
        finally:
            os.close(descriptor)

    def changed(self) -> int:
        """When a file came or went, in nanoseconds."""
        return os.fstat(self._descriptor).st_mtime_ns

    def mark(self) -> int | None:
        """Sets that time to one before it that no clock shows again; None where the file system does not keep it."""
        with contextlib.suppress(OSError):
            wanted = self.changed() - _SECOND - secrets.randbelow(_SECOND)
            os.utime(self._descriptor, ns=(wanted, wanted))
            return wanted if self.changed() == wanted else None
        return None

    def create(self, name: str, data: bytes) -> None:
        """A new file. Raises FileExistsError."""
        with self._temporary(data) as temporary:
            os.link(
                temporary,
                name,
                src_dir_fd=self._descriptor,
                dst_dir_fd=self._descriptor,
                follow_symlinks=False,
            )

    def overwrite(self, name: str, data: bytes) -> None:
        """The file with this content, also in the place of a link.

        Written in place: ext4 waits for the disk when a file is truncated or replaced by a rename (`auto_da_alloc`), which takes
        longer than all the rest. A kill may leave the end of a longer content, so this is for what may be lost.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(name, flags, _FILE_MODE, dir_fd=self._descriptor)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO):  # a link, a pipe
                raise
            self._replace(name, data)
            return
        try:
            _write(descriptor, data)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)

    def _replace(self, name: str, data: bytes) -> None:
        with self._temporary(data) as temporary:
            os.rename(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def remove(self, name: str) -> None:
        """No error where there is none."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)

    @contextlib.contextmanager
    def _temporary(self, data: bytes) -> Iterator[str]:
        """The name of a file with this content, which is gone at the end."""
        name = atomic_file.TEMPORARY.replace("*", secrets.token_hex(16))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, _FILE_MODE, dir_fd=self._descriptor)
        try:
            _write(descriptor, data)
            yield name
        finally:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                self.remove(name)


def _write(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def locked(path: Path, patience: float, *, create: bool) -> Iterator[NetworkDirectory]:
    """The directory, while no host-local works in it; with `create`, the directory and its lock exist afterwards.

    `patience` is in seconds. Raises OSError, and TryAgainError where another process keeps the lock for longer.
    """
    descriptor = _open(path, create=create)
    try:
        with _lock(descriptor, path / LOCK, patience, os.O_CREAT if create else 0):
            yield NetworkDirectory(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, *, create: bool) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        if not create:
            raise
    for each in (*reversed(path.parents), path):
        if not each.exists():
            each.mkdir(_DIRECTORY_MODE, exist_ok=True)
    return os.open(path, flags)


@contextlib.contextmanager
def _lock(directory: int, path: Path, patience: float, flags: int) -> Iterator[None]:
    flags |= os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(LOCK, flags, _LOCK_MODE, dir_fd=directory)
    try:
        _wait_for(descriptor, path, patience)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, patience: float) -> None:
    deadline, pause = time.monotonic() + patience, _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TryAgainError(
                    f"{path}: another process has kept host-local's lock for {patience:g} s; find it with `fuser {path}` "
                    "and end it"
                ) from None
        else:
            return
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
