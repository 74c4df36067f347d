"""The cluster of the session, and our programs installed in it as a user installs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.lab import places, process, turn
from cluster.lab.cluster import Cluster, standing
from support import require


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes, nothing of ours on them. With NETATTACH_CLUSTER=keep: the one that `make cluster` made, left as it is."""
    problem = places.missing() or places.unbuilt()
    if problem:
        require.left_out(f"needs a cluster: {problem}")
    if turn.kept() and not standing():
        require.left_out(
            "needs a cluster of its own, and one stands here: NETATTACH_CLUSTER=keep uses it, make cluster-down ends it"
        )
    made = Cluster()
    if standing() and made.stands:
        with turn.taken(alone=False):
            yield made
        return
    with turn.taken(alone=True):
        try:
            made.up()
            yield made
        finally:
            if standing():
                turn.keep()
            else:
                made.down()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our image as an archive, built from this tree."""
    archive = tmp_path_factory.mktemp("image") / "netattach.tar"
    process.run(require.REPOSITORY / "tools/image", archive)
    return archive


@pytest.fixture(scope="session")
def installed(cluster: Cluster, image: Path) -> Cluster:
    """With our programs, from `kubectl apply -k deploy/`."""
    cluster.load(image)
    cluster.install()
    return cluster
