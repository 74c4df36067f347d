"""tools/plugins_image.py: the image of the programs with the reference plugins in addition."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from netattach_plugin.settings import Settings
from support import scripts

plugins_image = scripts.load("plugins_image")
LAYER = b"the layer of the programs"


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    directory = tmp_path / "plugins"
    directory.mkdir()
    for name in ("macvlan", "bridge", "sample"):
        (directory / name).write_bytes(name.encode())
        (directory / name).chmod(0o700)
    return directory


def archive(path: Path, images: int = 1, created: str = "2026-01-01T00:00:00Z") -> Path:
    """As buildah writes it: the layer is a link to another member."""
    config = {
        "created": created,
        "architecture": "arm64",
        "config": {"User": "65532:65532"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(LAYER).hexdigest()}"]},
        "history": [{"created": created}],
    }
    entry = {"Config": "c.json", "RepoTags": ["netattach:1.2.3"], "Layers": ["a/layer.tar"]}
    files = {
        "c.json": json.dumps(config),
        "b.tar": LAYER.decode(),
        "manifest.json": json.dumps([entry] * images),
    }
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("a/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, "../b.tar"
        tar.addfile(link)
    return path


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any], list[bytes]]:
    """The manifest's entry, the config, and the layers."""
    with tarfile.open(path) as tar:
        contents = {member.name: file.read() for member in tar if (file := tar.extractfile(member))}
    (entry,) = json.loads(contents["manifest.json"])
    return entry, json.loads(contents[entry["Config"]]), [contents[name] for name in entry["Layers"]]


def test_the_image_has_one_layer_more_with_the_plugins(tmp_path: Path, plugins: Path) -> None:
    plugins_image.main(archive(tmp_path / "in.tar"), plugins, tmp_path / "out.tar")

    entry, config, layers = read(tmp_path / "out.tar")
    assert ["netattach-plugins:1.2.3"] == entry["RepoTags"]
    assert f"{hashlib.sha256(json.dumps(config).encode()).hexdigest()}.json" == entry["Config"]
    assert ("arm64", {"User": "65532:65532"}) == (config["architecture"], config["config"])
    assert [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in layers] == config["rootfs"]["diff_ids"]
    assert LAYER == layers[0]
    assert len(config["history"]) == len(layers) == 2
    with tarfile.open(fileobj=io.BytesIO(layers[1])) as tar:
        found = {member.name: member for member in tar}
    where = str(Settings().plugins).removeprefix("/")
    assert [f"{where}/{name}" for name in ("LICENSE", "bridge", "macvlan")] == list(found)
    assert {(0, 0, 0o755)} == {(m.uid, m.gid, m.mode) for m in list(found.values())[1:]}


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, plugins: Path) -> None:
    for name in ("first.tar", "second.tar"):
        plugins_image.main(archive(tmp_path / "in.tar"), plugins, tmp_path / name)

    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


def test_an_archive_of_several_images_is_refused(tmp_path: Path, plugins: Path) -> None:
    with pytest.raises(ValueError, match="has 2 images"):
        plugins_image.main(archive(tmp_path / "in.tar", images=2), plugins, tmp_path / "out.tar")

    assert not (tmp_path / "out.tar").exists()
