"""A release on containerd 1.6 (node1) and 2 (node2): its image, which they import differently, and its install.yaml."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e import release
from e2e.lab.cluster import Cluster
from e2e.objects import created, pod
from e2e.release import REFERENCE, SECONDS, Release


@pytest.fixture
def bare(cluster: Cluster, dist: Release) -> Iterator[Cluster]:
    """The release's image is on the nodes and nothing is installed. Afterwards, what was installed before is installed again."""
    before = cluster.installed
    if before:
        cluster.kubectl("delete", "pods,network-attachment-definitions", "--all")
        cluster.uninstall()
    cluster.load(dist.image)
    yield cluster
    words = ("--ignore-not-found", "--wait=true", "--timeout=120s")
    cluster.kubectl("delete", "-f", dist.install_yaml, *words)
    if before:
        cluster.install()


def test_install_yaml_is_ready_within_a_minute(bare: Cluster, dist: Release) -> None:
    bare.kubectl("apply", "-f", dist.install_yaml)
    bare.wait_installed()

    assert {REFERENCE} == release.images(bare)
    assert release.seconds_to_ready(bare) <= SECONDS


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_the_kubelet_runs_the_image_that_was_imported_under_the_name_of_the_manifests(
    cluster: Cluster, dist: Release, node: str
) -> None:
    cluster.node(node).load(dist.image)
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
