"""A node with real namespaces, the real reference plugins, our shim and our daemon; unmodified cnitool is the runtime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_cli.demo import stage
from netattach_cli.demo.stage import Places, Stage
from support import require
from support.node import Node


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Where the session's node keeps its things."""
    require.own_namespaces()
    for command in ("ip", "ping", "nsenter", "setpriv", "unshare"):
        require.command(command)
    return Places(tmp_path_factory.mktemp("node") / "stage", require.plugins(), require.shim())


@pytest.fixture(scope="session")
def running_stage(places: Places) -> Iterator[Stage]:
    """One node with a daemon, for all tests of the session."""
    with stage.build(places) as built, built.daemon():
        yield built


@pytest.fixture(scope="session")
def cnitool() -> Path:
    """The reference client of CNI."""
    return require.cnitool()


@pytest.fixture
def node(running_stage: Stage, cnitool: Path) -> Iterator[Node]:
    """The node; whatever the test did, nothing may be left on it."""
    node = Node(running_stage, cnitool)
    yield node
    assert {"links": [], "leases": [], "ledger": [], "nat": [], "namespaces": []} == node.leftovers()
