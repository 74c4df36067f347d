"""Images without a registry: a directory as an archive that a container runtime imports."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.lab.places import HERE, WORK
from e2e.lab.process import run

PAUSE, WORKLOAD = "localhost/pause:1", "localhost/lab:1"
BUSYBOX = "docker.io/library/busybox:1.37"
"""The image of examples in docs/, as which the nodes know the workload too."""

FOLDER = WORK / "images"


@dataclass(frozen=True)
class _Image:
    entry: dict[str, Any]
    files: dict[str, bytes]


def write_all() -> None:
    """The sandbox's process, and a workload that has `ip` and `ping` and sleeps."""
    FOLDER.mkdir(exist_ok=True)
    pause = _image(_pause_root(), PAUSE, command=["/pause"])
    workload = _image(_busybox_root(), WORKLOAD, BUSYBOX, command=["/bin/sleep", "1000000"])
    _write(FOLDER / "lab.tar", pause, workload)


def archive(root: Path, name: str, command: list[str], out: Path) -> None:
    """A docker-archive of one image."""
    _write(out, _image(root, name, command=command))


def _image(root: Path, *names: str, command: list[str]) -> _Image:
    layer = _tar(root)
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": command, "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": "2026-01-01T00:00:00Z"}],
    }
    text = json.dumps(config).encode()
    config_file, layer_file = f"{hashlib.sha256(text).hexdigest()}.json", f"{digest}/layer.tar"
    entry = {"Config": config_file, "RepoTags": list(names), "Layers": [layer_file]}
    return _Image(entry, {config_file: text, layer_file: layer})


def _write(out: Path, *images: _Image) -> None:
    manifest = json.dumps([image.entry for image in images]).encode()
    with tarfile.open(out, "w") as tar:
        for name, content in (
            *(item for image in images for item in image.files.items()),
            ("manifest.json", manifest),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _tar(root: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(root, arcname=".")
    return buffer.getvalue()


def _pause_root() -> Path:
    root = WORK / "rootfs-pause"
    root.mkdir(exist_ok=True)
    run("gcc", "-static", "-Os", "-o", root / "pause", HERE / "pause.c")
    return root


def _busybox_root() -> Path:
    root = WORK / "rootfs-lab"
    (root / "bin").mkdir(parents=True, exist_ok=True)
    busybox = shutil.which("busybox")
    assert busybox
    shutil.copy(busybox, root / "bin" / "busybox")
    for name in run(busybox, "--list").stdout.split():
        link = root / "bin" / name
        if name != "busybox" and not link.is_symlink():
            link.symlink_to("busybox")
    return root
