"""A release of this work tree, installed as its documents say, and how long that takes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from e2e.lab.cluster import CONTROL, NODE, Cluster
from netattach_core.version import VERSION
from netattach_release import manifests, oci_layout
from netattach_release.__main__ import copies
from netattach_release.image import Image, read
from netattach_release.manifests import Tools
from support import require
from support.release_inputs import SOURCE, tar

REGISTRY = "registry.example.com/team"
REFERENCE = f"{REGISTRY}/netattach:{VERSION}"
SECONDS = 60
"""From the first object of an installation until all programs are ready, on the two nodes of this cluster."""


@dataclass(frozen=True)
class Release:
    """Files of dist/; the image is an OCI layout."""

    directory: Path

    @property
    def install_yaml(self) -> Path:
        return self.directory / "install.yaml"

    @property
    def chart(self) -> Path:
        return self.directory / f"netattach-{VERSION}.tgz"

    @property
    def image(self) -> Path:
        return self.directory / f"netattach-{VERSION}-oci.tar"


def build(image: Path, directory: Path) -> Release:
    """As `make release` writes it. The image of the other architecture is empty here, and built in tests/node/test_release.py."""
    source = replace(SOURCE, version=VERSION)
    shutil.copytree(require.REPOSITORY / "deploy", directory / "source/deploy")
    release = Release(directory / "dist")
    release.directory.mkdir()
    tools = Tools(require.helm(), require.kustomize())
    manifests.write(directory / "source/deploy", tools, REGISTRY, source, release.directory)
    built = read(image, source.epoch)
    other = {"amd64": "arm64", "arm64": "amd64"}[built.architecture]
    empty = Image(other, built.settings, tuple(tar({other: ""}) for _ in built.layers))
    history = copies((require.REPOSITORY / "Dockerfile").read_text())
    release.image.write_bytes(oci_layout.layout([built, empty], REFERENCE, source, history).archive)
    return release


def seconds_to_ready(cluster: Cluster) -> float:
    """From the first namespace until the last pod is ready, by the API server's clock, in whole seconds.

    To be asked while no program was restarted or replaced since.
    """
    began = min(
        _time(cluster.read("namespace", name)["metadata"]["creationTimestamp"]) for name in (CONTROL, NODE)
    )
    return (max(map(_ready, programs(cluster))) - began).total_seconds()


def programs(cluster: Cluster) -> list[dict[str, Any]]:
    """The pods of netattach."""
    return cluster.objects("pods", "--all-namespaces", "--selector=app.kubernetes.io/part-of=netattach")


def images(cluster: Cluster) -> set[str]:
    """Those of all containers of netattach."""
    return {image for pod in programs(cluster) for image in _images(pod["spec"])}


def _images(spec: dict[str, Any]) -> Iterator[str]:
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        yield container["image"]


def _ready(pod: dict[str, Any]) -> datetime:
    [condition] = [each for each in pod["status"]["conditions"] if each["type"] == "Ready"]
    assert condition["status"] == "True", pod["metadata"]["name"]
    return _time(condition["lastTransitionTime"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
