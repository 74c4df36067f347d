"""The cluster of the session, and our programs installed in it as a user installs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.lab import places, process, turn
from e2e.lab.cluster import Cluster, standing
from support import require

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The cluster comes last, and of its tests the tutorial first: it begins where nothing is installed."""
    items.sort(key=lambda item: (item.path.is_relative_to(HERE), item.path.name != "test_tutorial.py"))


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
def loaded(cluster: Cluster, image: Path) -> Cluster:
    """Our image is on the nodes; nothing is installed unless an earlier test did it."""
    cluster.load(image)
    return cluster


@pytest.fixture(scope="session")
def installed(loaded: Cluster) -> Cluster:
    """With our programs, from `kubectl apply -k deploy/`."""
    loaded.install()
    return loaded
