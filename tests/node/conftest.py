"""A node with real namespaces, the reference plugins, the shim and the daemon; the runtime is unmodified cnitool."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DEFAULT_NETWORK, DemoNode, NodePaths
from support import require
from support.node import CnitoolNode
from support.shim_calls import locks, primary_path
from support.waiting import PATIENCE


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> NodePaths:
    """The directories of the session's node."""
    require.own_namespaces()
    for command in ("ip", "ping", "nsenter", "setpriv", "unshare"):
        require.command(command)
    return NodePaths(tmp_path_factory.mktemp("node") / "stage", require.plugins(), require.shim())


@pytest.fixture(scope="session")
def running_stage(places: NodePaths) -> Iterator[DemoNode]:
    """One node with a daemon, for all tests of the session."""
    with demo_node.build(places) as built, built.daemon():
        yield built


@pytest.fixture(scope="session")
def cnitool() -> Path:
    """The reference client of CNI."""
    return require.cnitool()


@pytest.fixture
def node(running_stage: DemoNode, cnitool: Path) -> Iterator[CnitoolNode]:
    """The session's node; nothing may be left on it after the test."""
    node = CnitoolNode(running_stage, cnitool)
    yield node
    assert {} == {kind: left for kind, left in node.leftovers().items() if left}


@pytest.fixture(scope="module")
def daemonless_stage(places: NodePaths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoNode]:
    """A node whose daemon has run and is stopped."""
    own = NodePaths(tmp_path_factory.mktemp("plain") / "stage", places.plugins, places.shim)
    with demo_node.build(own) as built:
        with built.daemon():
            pass
        yield built


@pytest.fixture
def daemonless(
    daemonless_stage: DemoNode, cnitool: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CnitoolNode]:
    """The node without a daemon; nothing may be left on it after the test."""
    monkeypatch.setenv("NETATTACH_WAIT_MS", "50")
    daemon = daemonless_stage.daemon

    @contextlib.contextmanager
    def patient_daemon() -> Iterator[subprocess.Popen[bytes]]:
        """With a daemon, calls wait for it as long as a busy machine may take."""
        with daemon() as process, pytest.MonkeyPatch.context() as patch:
            patch.setenv("NETATTACH_WAIT_MS", f"{PATIENCE * 1000:.0f}")
            yield process

    monkeypatch.setattr(daemonless_stage, "daemon", patient_daemon)
    node = CnitoolNode(daemonless_stage, cnitool)
    yield node
    assert {} == {kind: left for kind, left in node.leftovers().items() if left}
    assert [] == locks(node)


@pytest.fixture
def primary(daemonless: CnitoolNode) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """Replaces the node's default network by another chain, which a daemon compiles."""
    compiled_before = primary_path(daemonless).read_bytes()
    config = daemonless.stage.paths.conf_dir / "10-default.conflist"

    def set_chain(plugins: list[dict[str, Any]]) -> None:
        config.write_text(json.dumps({"cniVersion": "1.0.0", "name": "cbr0", "plugins": plugins}))
        with daemonless.stage.daemon():
            pass

    yield set_chain
    config.write_text(DEFAULT_NETWORK)
    primary_path(daemonless).write_bytes(compiled_before)


@pytest.fixture
def script(daemonless: CnitoolNode) -> Iterator[Callable[[str, str], str]]:
    """Installs a shell script as a CNI plugin of the node; its name."""
    installed: list[Path] = []

    def install(name: str, text: str) -> str:
        path = daemonless.stage.paths.bin_dir / name
        path.write_text(text)
        path.chmod(0o755)
        installed.append(path)
        return name

    yield install
    for path in installed:
        path.unlink(missing_ok=True)
