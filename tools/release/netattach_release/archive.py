"""Archives whose bytes depend on their content alone: sorted, and with one time."""

from __future__ import annotations

import functools
import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from typing import IO


def of_files(files: Mapping[str, bytes], epoch: int) -> bytes:
    """A tar archive of regular files, by their names."""
    return _tar(((_regular(name, len(content)), content) for name, content in files.items()), epoch)


def normalized(archive: IO[bytes], epoch: int) -> bytes:
    """The tar archive, compressed or not, with the same names, modes and contents. A hard link becomes a copy of its file.

    Owners are kept as numbers, without the names that the building machine has for them.
    """
    with tarfile.open(fileobj=archive) as tar:
        return _tar([_entry(tar, member) for member in tar], epoch)


@functools.lru_cache(maxsize=16)  # the images have most layers in common
def compressed(content: bytes) -> bytes:
    """gzip without a name and a time."""
    return gzip.compress(content, mtime=0)


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[tarfile.TarInfo, bytes]:
    file = tar.extractfile(member) if member.isfile() or member.islnk() else None
    content = file.read() if file else b""
    kept = tarfile.TarInfo(member.name)
    kept.mode, kept.uid, kept.gid = member.mode, member.uid, member.gid
    kept.type = tarfile.REGTYPE if file else member.type
    kept.linkname = member.linkname if member.issym() else ""
    kept.size = len(content)
    return kept, content


def _regular(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def _tar(entries: Iterable[tuple[tarfile.TarInfo, bytes]], epoch: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in sorted(entries, key=lambda entry: entry[0].name):
            info.mtime = epoch
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
