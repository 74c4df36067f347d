"""Files that exist whole or not at all, also after a loss of power."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

TEMPORARY = ".netattach-*.tmp"
"""Glob pattern of the files that a crash between write and rename leaves. They are hidden, so container runtimes ignore them."""

_ENTROPY = 16
"""Bytes in a temporary file's name, so that nobody can be there first."""

_NO_HARD_LINKS = frozenset((errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS))
"""Of link(2) on FAT, SMB and some FUSE file systems."""

_CLAIM_MODE = 0o000


def write(path: Path, data: bytes, mode: int, *, sync: bool = True) -> None:
    """Replaces the file by rename, so a program that runs from the old one is not disturbed.

    With `sync` the content reaches the disk before the rename, and a new name before the return. Raises OSError; the old file,
    if any, is kept then.
    """
    is_new = not os.path.lexists(path)
    _replace(path, data, mode, sync=sync)
    if sync and is_new:
        sync_directory(path.parent)


def write_if_changed(path: Path, data: bytes, mode: int) -> bool:
    """Writes and syncs the file and its directory unless content and mode are right already. Returns whether it wrote."""
    if _is_current(path, data, mode):
        return False
    _replace(path, data, mode, sync=True)
    sync_directory(path.parent)
    return True


def write_if_absent(path: Path, data: bytes, mode: int) -> bool:
    """Writes and syncs a new file, which replaces nothing, not even a dangling link. Returns whether it did.

    By a hard link. Where the file system has none, an empty file claims the name and is replaced by rename. Raises OSError; there
    is no file then, or that empty one, which the next try replaces.
    """
    if os.path.lexists(path) and not _is_claim(path):
        return False
    temporary = _write_temporary(path, data, mode, sync=True)
    try:
        _name_new(temporary, path)
    except FileExistsError:  # somebody else was faster
        return False
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)
    return True


def create(path: Path, data: bytes, mode: int) -> None:
    """A new file, without a sync: a kill meanwhile leaves it truncated. Raises OSError; there is no file then."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, mode)
    try:
        _write_all(descriptor, data)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def append(path: Path, data: bytes) -> None:
    """Appends to an existing file, without a sync: all of it or nothing. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, data)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def remove_leftovers(directories: Iterable[Path]) -> None:
    """Removes what killed processes have left of their writes. Only while no other process writes; best effort."""
    for directory in directories:
        with contextlib.suppress(OSError):
            for path in directory.glob(TEMPORARY):
                path.unlink()


def sync_directory(path: Path) -> None:
    """Waits until renames and removals in the directory have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _replace(path: Path, data: bytes, mode: int, *, sync: bool) -> None:
    temporary = _write_temporary(path, data, mode, sync=sync)
    try:
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _name_new(temporary: Path, path: Path) -> None:
    """Raises FileExistsError where the name is taken, other OSErrors where the disk refuses."""
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        if not _is_claim(path):
            raise
        temporary.rename(path)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _CLAIM_MODE))
        temporary.rename(path)


def _is_claim(path: Path) -> bool:
    """Whether the name is taken by what a kill in `_name_new` has left: an empty file that nobody may open."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        return found.st_mode == stat.S_IFREG | _CLAIM_MODE and found.st_size == 0
    return False


def _write_temporary(path: Path, data: bytes, mode: int, *, sync: bool) -> Path:
    """A file next to `path`. Raises OSError; there is no file then."""
    temporary = path.with_name(TEMPORARY.replace("*", secrets.token_hex(_ENTROPY)))
    # O_EXCL creates the file: whatever is there already, a link too, is neither opened nor removed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _is_current(path: Path, data: bytes, mode: int) -> bool:
    """False for anything but a regular file: a link is replaced, and a pipe is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            return found.st_mode == stat.S_IFREG | mode and file.read() == data
    except OSError:
        return False
