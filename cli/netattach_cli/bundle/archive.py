"""Files as a tar.gz: the same bytes for the same objects, and never larger than a tracker takes."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence

from netattach_core.api.objects import Body

FOLDER = "netattach-bundle"
LONGEST_FILE = 4 * 1024 * 1024
"""Bytes before compression, of one kind of objects. What is beyond is counted, and left out."""

_EPOCH = 0


def files(objects: Mapping[str, Sequence[Body]], texts: Mapping[str, str]) -> dict[str, bytes]:
    """A JSON file for each kind of objects, and texts, by their names."""
    found = {f"{FOLDER}/{name}.json": _json(each) for name, each in objects.items()}
    return {**found, **{f"{FOLDER}/{name}": text.encode() for name, text in texts.items()}}


def tar(contents: Mapping[str, bytes]) -> bytes:
    """In the order of names, without times and owners."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(contents):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(contents[name]), 0o644, _EPOCH
            archive.addfile(entry, io.BytesIO(contents[name]))
    return gzip.compress(packed.getvalue(), mtime=_EPOCH)


def _json(objects: Sequence[Body]) -> bytes:
    """One object a line, in ASCII; the first ones, where all would be too many."""
    lines: list[str] = []
    size = 0
    for each in objects:
        line = json.dumps(each, sort_keys=True)
        size += len(line) + 2
        if size > LONGEST_FILE:
            break
        lines.append(line)
    head = json.dumps({"total": len(objects), "omitted": len(objects) - len(lines)})
    return f'{head[:-1]}, "items": [\n'.encode() + ",\n".join(lines).encode() + b"\n]}\n"
