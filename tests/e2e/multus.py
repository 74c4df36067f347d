"""Multus in the cluster as its own manifest installs it (deployments/multus-daemonset-thick.yml), from its programs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from e2e.lab import images
from e2e.lab.cluster import Cluster
from support import require

CONF = "00-multus.conf"
MANIFEST = "multus-daemonset-thick.yml"

_IMAGE = "localhost/multus:4.3.0"
_BIN = "usr/src/multus-cni/bin"
_PROGRAMS = {
    "multus-daemon": "multus-daemon",
    "multus-shim": "multus-shim",
    "install_multus": "install_multus",
    "passthru-cni": "passthru",
}
"""By the name of their directory in Multus' sources: the name in its image."""


def load(cluster: Cluster, folder: Path) -> None:
    """Loads the image on all nodes, and writes the manifest into the folder."""
    programs = folder / "rootfs" / _BIN
    programs.mkdir(parents=True)
    for source, name in _PROGRAMS.items():
        shutil.copy(require.multus(source), programs / name)
    (folder / "rootfs/etc").mkdir()
    (folder / "rootfs/etc/passwd").write_text("root:x:0:0:root:/:/sbin/nologin\n")
    (folder / "rootfs/var").mkdir()
    (folder / "rootfs/var/run").symlink_to("../run")
    archive = folder / "multus.tar"
    images.archive(folder / "rootfs", _IMAGE, [f"/{_BIN}/multus-daemon"], archive)
    cluster.load(archive)
    archive.unlink()
    text = (require.multus("deployments") / MANIFEST).read_text()
    (folder / MANIFEST).write_text(_adapted(text))


def _adapted(text: str) -> str:
    """With our image, and without its limits: with 50 MiB the kernel kills it when pods start together (Multus issue #1346)."""
    text, images_replaced = re.subn(r"image: ghcr\.io/\S+", f"image: {_IMAGE}", text)
    text, limits_removed = re.subn(r" +limits:\n +cpu: .*\n +memory: .*\n", "", text)
    assert (2, 1) == (images_replaced, limits_removed)
    return text
