"""Uninstalling: netattach's conflist is removed, an installation in progress does not bring it back, the shim stays."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netattach_plugin.files import atomic_file
from support.node_directories import DEFAULT_NETWORK, NodeDirectories


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectories:
    return NodeDirectories(tmp_path)


def _refuse(*_: object, **__: object) -> bool:
    raise OSError(30, "Read-only file system")


def test_uninstalling_removes_the_conflist_and_keeps_the_shim(node: NodeDirectories) -> None:
    """A runtime may call DEL with the CNI config of ADD. A later check does not install again."""
    node.install()
    node.uninstaller.uninstall()
    node.installer.install()

    assert ["10-a.conflist"] == node.files()
    assert (node.bin / "netattach").exists()


def test_an_installation_in_progress_does_not_undo_the_uninstallation(
    node: NodeDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installations run in a thread: uninstalling waits for its end, and the next one does nothing."""
    (node.config / "10-a.conflist").write_text(DEFAULT_NETWORK)
    in_progress, go_on, write = threading.Event(), threading.Event(), atomic_file.write

    def slow(path: Path, data: bytes, mode: int) -> None:
        in_progress.set()
        go_on.wait()
        write(path, data, mode)

    monkeypatch.setattr(atomic_file, "write", slow)
    with ThreadPoolExecutor() as threads:
        installation = threads.submit(node.installer.install)
        in_progress.wait()
        removal = threads.submit(node.uninstaller.uninstall)
        go_on.set()
        installation.result()
        removal.result()

    assert ["10-a.conflist"] == node.files()


def test_a_conflist_that_cannot_be_removed_is_logged(
    node: NodeDirectories, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The daemon goes on: running calls still have to be answered."""
    monkeypatch.setattr(Path, "unlink", _refuse)
    node.uninstaller.uninstall()

    assert "remove" in caplog.text
    assert "00-netattach.conflist by hand" in caplog.text


def test_uninstalling_without_a_default_network_is_logged(
    node: NodeDirectories, caplog: pytest.LogCaptureFixture
) -> None:
    """The conflist is removed all the same: with it no pod could start, also when a default network comes."""
    (node.config / "00-netattach.conflist").write_text("{}")
    node.uninstaller.uninstall()

    assert [] == node.files()
    assert "this node has no default network now" in caplog.text
