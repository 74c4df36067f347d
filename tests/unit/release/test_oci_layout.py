"""The OCI layout: the image specification's structure, and the same bytes from builds that differ in time and order."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from netattach_release import image, oci_layout
from netattach_release.errors import ReleaseError
from netattach_release.image import Image
from support.release_inputs import FILES, SOURCE, docker_archive, tar

HISTORY = ["COPY packages", "COPY programs"]


def build(directory: Path, *, later: bool = False, architecture: str = "amd64") -> Image:
    """An image of two layers; `later`: at another time, by another user, with the files in another order."""
    info = {"mtime": 2_000_000_000, "uname": "somebody"} if later else {"mtime": 1_000_000_000}
    layer = tar(FILES, names=sorted(FILES, reverse=later), **info)
    path = docker_archive(
        directory / f"{architecture}-{later}.tar",
        layer,
        tar({"opt/netattach/bin/netattach": "#!"}, mode=0o755, **info),
        architecture=architecture,
        created=f"2026-01-0{1 + later}T00:00:00Z",
    )
    return image.read(path, SOURCE.epoch)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """What the layout of two architectures contains, by path."""
    images = [build(tmp_path, architecture=each) for each in ("amd64", "arm64")]
    layout = oci_layout.layout(images, "registry.example.com/netattach:1.2.3", SOURCE, HISTORY)
    with tarfile.open(fileobj=io.BytesIO(layout.archive)) as archive:
        return {member.name: _content(archive, member) for member in archive}


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file
    return file.read()


def follow(files: dict[str, bytes], descriptor: dict[str, Any]) -> Any:
    """The JSON blob that a descriptor refers to."""
    return json.loads(files["blobs/" + descriptor["digest"].replace(":", "/")])


def manifests(files: dict[str, bytes]) -> list[dict[str, Any]]:
    [index] = json.loads(files["index.json"])["manifests"]
    found: list[dict[str, Any]] = follow(files, index)["manifests"]
    return found


def test_each_blob_is_named_by_its_digest(files: dict[str, bytes]) -> None:
    blobs = {name: content for name, content in files.items() if name.startswith("blobs/")}

    assert 1 + 2 + 2 + 2 == len(blobs)  # the index, manifests, configurations, and layers that both have
    assert {
        name: f"blobs/sha256/{hashlib.sha256(content).hexdigest()}" for name, content in blobs.items()
    } == {name: name for name in blobs}


def test_each_descriptor_has_the_size_of_its_blob(files: dict[str, bytes]) -> None:
    [index] = json.loads(files["index.json"])["manifests"]
    descriptors = [index, *manifests(files)]
    for each in manifests(files):
        manifest = follow(files, each)
        descriptors += [manifest["config"], *manifest["layers"]]

    assert {
        each["digest"]: len(files["blobs/" + each["digest"].replace(":", "/")]) for each in descriptors
    } == {each["digest"]: each["size"] for each in descriptors}


def test_there_is_one_index_with_a_manifest_per_architecture(files: dict[str, bytes]) -> None:
    assert {"imageLayoutVersion": "1.0.0"} == json.loads(files["oci-layout"])
    assert [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ] == [each["platform"] for each in manifests(files)]


def test_the_index_is_named_for_containerd_and_for_other_tools(files: dict[str, bytes]) -> None:
    [index] = json.loads(files["index.json"])["manifests"]

    assert {
        "io.containerd.image.name": "registry.example.com/netattach:1.2.3",
        "org.opencontainers.image.ref.name": "1.2.3",
    } == index["annotations"]


def test_without_a_registry_the_name_is_the_one_that_the_kubelet_asks_for(tmp_path: Path) -> None:
    layout = oci_layout.layout([build(tmp_path)], "netattach:1.2.3", SOURCE, HISTORY)

    assert b'"docker.io/library/netattach:1.2.3"' in layout.archive


def test_a_configuration_has_the_commit_its_time_and_what_made_each_layer(files: dict[str, bytes]) -> None:
    config = follow(files, follow(files, manifests(files)[1])["config"])

    assert "arm64" == config["architecture"]
    assert {
        "Cmd": ["netattach", "--help"],
        "Env": ["PATH=/opt/netattach/bin"],
        "User": "65532:65532",
        "Labels": {
            "org.opencontainers.image.created": "2027-01-15T08:00:00Z",
            "org.opencontainers.image.revision": SOURCE.commit,
            "org.opencontainers.image.title": "netattach",
            "org.opencontainers.image.version": "1.2.3",
        },
    } == config["config"]
    assert HISTORY == [step["created_by"] for step in config["history"]]


def test_a_layers_diff_id_is_that_of_its_uncompressed_archive(files: dict[str, bytes]) -> None:
    manifest = follow(files, manifests(files)[0])
    layers = [
        gzip.decompress(files["blobs/" + each["digest"].replace(":", "/")]) for each in manifest["layers"]
    ]

    assert [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers] == follow(
        files, manifest["config"]
    )["rootfs"]["diff_ids"]


def test_builds_of_another_time_user_and_order_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        oci_layout.layout([build(tmp_path, later=later)], "netattach:1.2.3", SOURCE, HISTORY)
        for later in (False, True)
    )

    assert first == second


def test_another_content_gives_another_digest(tmp_path: Path) -> None:
    changed = image.read(
        docker_archive(tmp_path / "changed.tar", tar({**FILES, "etc/passwd": ""}), tar({})), SOURCE.epoch
    )
    first, second = (
        oci_layout.layout([each], "netattach:1.2.3", SOURCE, HISTORY) for each in (build(tmp_path), changed)
    )

    assert first.index != second.index


def test_a_dockerfile_with_another_number_of_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="has 1 COPY, and the image for amd64 2 layers"):
        oci_layout.layout([build(tmp_path)], "netattach:1.2.3", SOURCE, ["COPY one"])
