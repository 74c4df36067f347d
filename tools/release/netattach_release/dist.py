"""The directory of a release: complete, or as it was before."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netattach_release.errors import ReleaseError

SUMS = "SHA256SUMS"


@contextmanager
def written(dist: Path, work: Path) -> Iterator[Path]:
    """An empty directory in `work`, on the same file system; it becomes `dist` with checksums of its files at the end.

    Until then, and after an error, `dist` is as it was. Raises ReleaseError while another process does the same, and where `dist`
    is no directory.
    """
    if dist.is_symlink() or (dist.exists() and not dist.is_dir()):
        raise ReleaseError(f"{dist} is no directory, and a release replaces it as a whole; remove it")
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReleaseError(f"another release is being built in {work}; wait for it") from None
        new = work / "new"
        shutil.rmtree(new, ignore_errors=True)  # what a killed one left
        new.mkdir()
        yield new
        write_checksums(new)
        _replace(dist, new, work / "old")


def write_checksums(directory: Path) -> None:
    """Writes SHA256SUMS, for `sha256sum --check`."""
    files = sorted(path for path in directory.iterdir() if path.name != SUMS)
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (directory / SUMS).write_text("".join(sums))


def _replace(dist: Path, new: Path, old: Path) -> None:
    shutil.rmtree(old, ignore_errors=True)
    if dist.exists():
        dist.rename(old)
    new.rename(dist)
    shutil.rmtree(old, ignore_errors=True)
