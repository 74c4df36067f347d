"""The cluster of the session, with our programs installed as a user installs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import release
from e2e.lab import lock, places, process
from e2e.lab.cluster import Cluster, reused
from e2e.release import Release
from support import require

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs these tests after all others, and the tutorial first: it begins where nothing is installed."""
    items.sort(key=lambda item: (item.path.is_relative_to(HERE), item.path.name != "test_tutorial.py"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Two nodes without our programs. With NETATTACH_CLUSTER=keep: the cluster of `make cluster`, which is kept."""
    problem = places.missing() or places.unbuilt()
    if problem:
        require.left_out(f"needs a cluster: {problem}")
    if lock.cluster_is_kept() and not reused():
        require.left_out(
            "needs a cluster of its own, and one runs here: NETATTACH_CLUSTER=keep uses it, make cluster-down deletes it"
        )
    made = Cluster()
    if reused() and made.runs:
        with lock.held(alone=False):
            yield made
        return
    with lock.held(alone=True):
        try:
            made.up()
            yield made
        finally:
            if reused():
                lock.keep_cluster()
            else:
                made.down()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our image as an archive, built from this tree."""
    archive = tmp_path_factory.mktemp("image") / "netattach.tar"
    process.run(require.REPOSITORY / "tools/image", archive)
    return archive


@pytest.fixture(scope="session")
def dist(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of this tree."""
    return release.build(image, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def loaded(cluster: Cluster, image: Path) -> Cluster:
    """With our image on the nodes; nothing is installed unless an earlier test did it."""
    cluster.load(image)
    return cluster


@pytest.fixture(scope="session")
def installed(loaded: Cluster) -> Cluster:
    """With our programs installed by `kubectl apply -k deploy/`."""
    loaded.install()
    return loaded
