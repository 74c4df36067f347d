"""The image of a release, on containerd 1.6 (node1) and 2 (node2). Both need it: they import an index differently."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import created, pod
from netattach_release import oci_layout
from netattach_release.__main__ import copies
from netattach_release.image import Image, read
from support import require
from support.release_inputs import SOURCE, tar

REFERENCE = f"registry.example.com/team/netattach:{SOURCE.version}"


@pytest.fixture(scope="module")
def layout(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OCI layout of both architectures; the image of the other one is empty here, and built in tests/node/test_release.py."""
    built = read(image, SOURCE.epoch)
    other = {"amd64": "arm64", "arm64": "amd64"}[built.architecture]
    empty = Image(other, built.settings, tuple(tar({other: ""}) for _ in built.layers))
    history = copies((require.REPOSITORY / "Dockerfile").read_text())
    path = tmp_path_factory.mktemp("release") / "netattach-oci.tar"
    path.write_bytes(oci_layout.layout([built, empty], REFERENCE, SOURCE, history).archive)
    return path


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_the_kubelet_runs_the_image_that_was_imported_under_the_name_of_the_manifests(
    cluster: Cluster, layout: Path, node: str
) -> None:
    cluster.node(node).load(layout)
    body = pod(f"release-{node}", node=node)
    (container,) = body["spec"]["containers"]
    container |= {
        "image": REFERENCE,
        "imagePullPolicy": "Never",
        "command": ["netattach", "lint", "--help"],
    }
    created(cluster, {**body, "spec": {**body["spec"], "restartPolicy": "Never"}})

    try:
        words = (
            "wait",
            "pod",
            f"release-{node}",
            "--for=jsonpath={.status.phase}=Succeeded",
            "--timeout=120s",
        )
        cluster.kubectl(*words)
        assert "usage: netattach lint" in cluster.kubectl("logs", f"release-{node}").stdout
    finally:
        cluster.kubectl("delete", "pod", f"release-{node}", "--wait=false")
