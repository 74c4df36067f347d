"""The cluster of the session, and our programs installed in it as a user installs them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.lab import places
from cluster.lab.cluster import Cluster, standing
from support import require


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes, nothing of ours on them. With NETATTACH_CLUSTER=keep: the one that `make cluster` made, left as it is."""
    problem = places.missing()
    if problem:
        require.left_out(f"needs a cluster: {problem}")
    made = Cluster()
    if standing() and made.stands:
        yield made
        return
    made.up()
    try:
        yield made
    finally:
        if not os.environ.get("NETATTACH_CLUSTER"):
            made.down()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our image as an archive, built from this tree."""
    archive = tmp_path_factory.mktemp("image") / "netattach.tar"
    subprocess.run([require.REPOSITORY / "tools/image", archive], check=True)
    return archive


@pytest.fixture(scope="session")
def installed(cluster: Cluster, image: Path) -> Cluster:
    """With our programs, from `kubectl apply -k deploy/`."""
    cluster.load(image)
    cluster.install()
    return cluster
