"""Small inputs of a release: a commit, and images of a few files as archives that a builder writes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from netattach_release.source import Source

SOURCE = Source(commit="c0ffee" * 6 + "c0ff", epoch=1_800_000_000, version="1.2.3", licence="Apache-2.0")

DEBIAN_LOCK = f"libc6 2.36-9 amd64 {'a' * 64}\nmusl-dev 1.2.3-1 amd64 {'b' * 64}\n"

_COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: MIT
"""
_PACKAGES = "opt/netattach/lib/python3.11/site-packages"

FILES = {
    "var/lib/dpkg/status.d/libc6": "Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n",
    "var/lib/dpkg/status.d/musl-dev": "Package: musl-dev\nVersion: 1.2.3-1\nArchitecture: amd64\n",
    "usr/share/doc/libc6/copyright": "This is the GNU C library.\n\nLicense: not of the machine-readable format\n",
    "usr/share/doc/musl-dev/copyright": _COPYRIGHT,
    "opt/netattach/wheels.sha256": (
        f"{'1' * 64}  PyYAML-6.0.3-cp311-cp311-manylinux2014_x86_64.whl\n"
        f"{'2' * 64}  hatchling-1.33.0-py3-none-any.whl\n"
        f"{'3' * 64}  typing_extensions-4.16.0-py3-none-any.whl\n"
    ),
    f"{_PACKAGES}/pyyaml-6.0.3.dist-info/METADATA": (
        "Name: PyYAML\nVersion: 6.0.3\nLicense: MIT\nClassifier: License :: OSI Approved :: MIT License\n"
    ),
    f"{_PACKAGES}/typing_extensions-4.16.0.dist-info/METADATA": (
        "Name: typing_extensions\nVersion: 4.16.0\nLicense-Expression: PSF-2.0\n"
    ),
    f"{_PACKAGES}/netattach-1.2.3.dist-info/METADATA": "Name: netattach\nVersion: 1.2.3\n",
    "opt/netattach/shim/netattach": "the shim",
}


def tar(files: Mapping[str, str | bytes], *, names: Sequence[str] | None = None, **info: Any) -> bytes:
    """A tar archive of the files, in the order of `names`, with attributes of TarInfo such as mtime and uname."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names or list(files):
            member = tarfile.TarInfo(name)
            content = _bytes(files[name])
            member.size = len(content)
            for key, value in info.items():
                setattr(member, key, value)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def go_program(*lines: str, version: str = "go1.24.1") -> bytes:
    """What of a program built by Go names its modules, as `go version -m` prints them, with spaces for tabs."""
    text = "\n".join(line.replace(" ", "\t") for line in lines) + "\n"
    strings = (version.encode(), bytes(16) + text.encode() + bytes(16))
    header = b"\xff Go buildinf:" + bytes((8, 2)) + bytes(16)
    return bytes(32) + header + b"".join(_length(each) + each for each in strings)


def _length(content: bytes) -> bytes:
    """As a varint."""
    size = len(content)
    return bytes((size,)) if size < 128 else bytes((size & 127 | 128, size >> 7))


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def docker_archive(
    path: Path, *layers: bytes, architecture: str = "amd64", created: str = "2026-01-01T00:00:00Z"
) -> Path:
    """What `tools/image` writes, with the traces of the program and the time that built it."""
    config = {
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": "65532:65532",
            "Env": ["PATH=/opt/netattach/bin"],
            "Cmd": ["netattach", "--help"],
            "Hostname": created,
            "Labels": {"io.buildah.version": created, "org.opencontainers.image.title": "netattach"},
        },
        "history": [{"created": created, "created_by": f"layer {number}"} for number in range(len(layers))],
        "rootfs": {
            "type": "layers",
            "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers],
        },
    }
    names = [f"{number}.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": ["netattach:1.2.3"], "Layers": names}]
    contents = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    contents |= dict(zip(names, layers, strict=True))
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
