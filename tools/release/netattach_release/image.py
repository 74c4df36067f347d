"""The image that tools/image has built for one architecture, without what depends on the machine and the time."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netattach_release import archive
from netattach_release.errors import ReleaseError

_SETTINGS = ("User", "Env", "Entrypoint", "Cmd", "WorkingDir")
_LABELS = "org.opencontainers.image."


@dataclass(frozen=True)
class Image:
    """`settings` as in the `config` of an OCI image configuration, `layers` as uncompressed tar archives."""

    architecture: str
    settings: dict[str, Any]
    layers: tuple[bytes, ...]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """The path, without a leading slash, and the content of each regular file."""
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
                for member in tar:
                    file = tar.extractfile(member) if member.isfile() else None
                    if file:
                        yield member.name.removeprefix("./"), file.read()


def read(docker_archive: Path, epoch: int) -> Image:
    """The only image of an archive as `docker save` and `buildah push docker-archive:` write it. Raises ReleaseError."""
    with tarfile.open(docker_archive) as tar:
        [entry] = json.loads(_content(tar, "manifest.json"))
        config = json.loads(_content(tar, entry["Config"]))
        layers = tuple(archive.normalized(io.BytesIO(_content(tar, name)), epoch) for name in entry["Layers"])
    settings = {key: value for key, value in config["config"].items() if key in _SETTINGS and value}
    labels = {
        key: value
        for key, value in (config["config"].get("Labels") or {}).items()
        if key.startswith(_LABELS)  # not those of the program that built it
    }
    return Image(config["architecture"], {**settings, "Labels": labels}, layers)


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise ReleaseError(f"{name} is no file in {tar.name!r}: tools/image has written no image archive")
    return file.read()
