"""Makes the image netattach-plugins: that of all programs, with the reference CNI plugins in addition, for the plugin installer.

    tools/plugins_image.py build/netattach.tar "$(tools/cni-plugins --pinned)" build/netattach-plugins.tar

It adds one layer to an archive that tools/image has written, whatever architecture that is for; the plugins
have to be of the same one. Nodes share all other layers with the image of the programs.
"""

# A script, not a package:
# ruff: noqa: INP001

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

LICENCE = Path(__file__).parents[1] / "LICENSE"
"""Apache 2.0, which is that of the plugins too."""

_DIRECTORY = "opt/netattach/cni-plugins"
_LEFT_OUT = {"sample"}
"""No plugin, but a template for authors."""


def main(archive: Path, plugins: Path, out: Path) -> None:
    """Writes `out`, the same bytes for the same input. Raises OSError, ValueError for an archive of several images."""
    with tarfile.open(archive) as tar:
        image, config = _read(tar)
        layer = _layer(plugins)
        config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(layer).hexdigest()}")
        config["history"].append({**_created(config), "created_by": "tools/plugins_image.py"})
        layers = {f"{index}.tar": _content(tar, name) for index, name in enumerate(image["Layers"])}
    layers[f"{len(layers)}.tar"] = layer
    text = json.dumps(config).encode()
    named = f"{hashlib.sha256(text).hexdigest()}.json"
    tags = [tag.replace("netattach:", "netattach-plugins:") for tag in image["RepoTags"]]
    manifest = [{"Config": named, "RepoTags": tags, "Layers": list(layers)}]
    with tarfile.open(out, "w") as written:
        for name, data in {named: text, **layers, "manifest.json": json.dumps(manifest).encode()}.items():
            _add(written, name, data, 0o644)


def _read(tar: tarfile.TarFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """The image's entry in the manifest, and its config."""
    images = json.loads(_content(tar, "manifest.json"))
    if len(images) != 1:
        raise ValueError(f"{tar.name!r} has {len(images)} images")
    return images[0], json.loads(_content(tar, images[0]["Config"]))


def _content(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)  # follows links between members
    if file is None:
        raise ValueError(f"{name} in {tar.name!r} is no file")
    return file.read()


def _created(config: dict[str, Any]) -> dict[str, str]:
    """When the image was created, as the history says; no time of this machine."""
    return {"created": config["created"]} if "created" in config else {}


def _layer(plugins: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        _add(tar, f"{_DIRECTORY}/LICENSE", LICENCE.read_bytes(), 0o644)
        for program in sorted(plugins.iterdir()):
            if program.name not in _LEFT_OUT:
                _add(tar, f"{_DIRECTORY}/{program.name}", program.read_bytes(), 0o755)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
