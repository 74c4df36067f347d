"""The shim and netattach's conflist on the node: installed in the right order, and repaired."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.cni import netattach_conf
from netattach_plugin.files import atomic_file
from support.node_directories import DEFAULT_NETWORK, NodeDirectories
from support.twins import FixedNetworks


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectories:
    return NodeDirectories(tmp_path)


def _refuse(*_: object, **__: object) -> bool:
    raise OSError(30, "Read-only file system")


def test_without_a_default_network_the_conflist_is_not_installed(node: NodeDirectories) -> None:
    node.installer.install()

    assert [] == node.files()
    assert "no default network yet" in str(node.installer.problem)


def test_shim_and_conflist_are_installed(node: NodeDirectories) -> None:
    node.install()

    assert None is node.installer.problem
    assert ["00-netattach.conflist", "10-a.conflist"] == node.files()
    shim = node.bin / "netattach"
    assert (b"the shim", 0o755) == (shim.read_bytes(), shim.stat().st_mode & 0o777)
    assert "0.4.0" == node.cni_version()


def test_the_conflist_follows_the_default_network(node: NodeDirectories) -> None:
    """One that appears later, and its cniVersion."""
    node.installer.install()
    node.install()
    assert "0.4.0" == node.cni_version()

    node.install(text=DEFAULT_NETWORK.replace("0.4.0", "1.0.0"))
    assert "1.0.0" == node.cni_version()


def test_damaged_and_missing_files_are_repaired(node: NodeDirectories) -> None:
    node.install()
    (node.config / "00-netattach.conflist").write_text("damaged")
    (node.bin / "netattach").unlink()
    node.installer.install()

    assert "0.4.0" == node.cni_version()
    assert (node.bin / "netattach").exists()


def test_an_incomplete_default_network_keeps_the_conflist(node: NodeDirectories) -> None:
    node.install()
    (node.config / "10-a.conflist").write_text(DEFAULT_NETWORK[:20])
    node.installer.install()

    assert "10-a.conflist cannot be read" in str(node.installer.problem)
    assert "0.4.0" == node.cni_version()


def test_a_failed_write_is_reported_and_retried(
    node: NodeDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    (node.config / "10-a.conflist").write_text(DEFAULT_NETWORK)
    with monkeypatch.context() as patched:
        patched.setattr(atomic_file, "write_if_changed", _refuse)
        node.installer.install()
        assert "Read-only file system" in str(node.installer.problem)
    node.installer.install()

    assert None is node.installer.problem


@pytest.mark.parametrize("name", ["00-multus.conf", "00-calico.conflist"])
def test_a_file_that_precedes_the_conflist_is_reported(node: NodeDirectories, name: str) -> None:
    """The runtime uses it and would never call netattach."""
    (node.config / name).write_text(DEFAULT_NETWORK)
    node.installer.install()

    assert f"{node.config / name}, which comes before" in str(node.installer.problem)
    (node.config / name).rename(node.config / "10-a.conflist")
    node.installer.install()
    assert None is node.installer.problem


@pytest.mark.parametrize("name", ["00-a.txt", ".00-a.conf.tmp", "00-notes", "10-default.conf"])
def test_files_that_do_not_precede_the_conflist(name: str) -> None:
    assert [] == netattach_conf.files_before_ours([netattach_conf.FILE_NAME, name])


def test_a_directory_of_another_user_is_reported_with_its_fix(
    node: NodeDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacking the plugins' archive may leave one; root without CAP_DAC_OVERRIDE cannot write to it."""
    os.chown(node.bin, 1001, 127)

    def refuse(path: Path, *_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(atomic_file, "write_if_changed", refuse)
    node.installer.install()

    assert f"{node.bin} belongs to user 1001: chown it to root" in str(node.installer.problem)


def test_the_shim_is_installed_before_the_conflist(node: NodeDirectories) -> None:
    """A runtime must find the program that the conflist names."""
    node.shim.unlink()
    node.networks = FixedNetworks(Network("n", DEFAULT_NETWORK, "n"))
    installer = node.new_installer()
    installer.install()

    assert [] == node.files()
    assert str(node.shim) in str(installer.problem)
