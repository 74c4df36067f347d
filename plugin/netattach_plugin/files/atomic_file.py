"""Files that exist whole or not at all, also after a loss of power."""

from __future__ import annotations

import os
from pathlib import Path

TEMPORARY = "*.tmp"
"""Glob pattern of the files that a crash between write and rename leaves. They are hidden, so container runtimes ignore them."""


def write(path: Path, data: bytes, mode: int, *, sync: bool = True) -> None:
    """Replaces the file by rename, so a program that runs from the old one is not disturbed.

    With `sync` the content reaches the disk before the rename, and a new name before the return. Raises OSError; the old file,
    if any, is kept then.
    """
    is_new = not path.exists()
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


def sync_directory(path: Path) -> None:
    """Waits until renames and removals in the directory have reached the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes, mode: int, *, sync: bool) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)  # an earlier process's file, or a link, which is never followed
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _is_current(path: Path, data: bytes, mode: int) -> bool:
    try:
        return path.read_bytes() == data and path.stat().st_mode & 0o777 == mode
    except OSError:
        return False
