"""netattach's conflist on the node: installed after the shim, and repaired."""

from __future__ import annotations

import os
from collections.abc import Callable
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


def test_the_conflist_is_installed(node: NodeDirectories) -> None:
    node.install()

    assert None is node.installer.problem
    assert ["00-netattach.conflist", "10-a.conflist"] == node.files()
    assert "0.4.0" == node.cni_version()


def test_the_conflist_follows_the_default_network(node: NodeDirectories) -> None:
    """One that appears later, and its cniVersion."""
    node.installer.install()
    node.install()
    assert "0.4.0" == node.cni_version()

    node.install(text=DEFAULT_NETWORK.replace("0.4.0", "1.0.0"))
    assert "1.0.0" == node.cni_version()


@pytest.mark.parametrize("damage", [b"damaged", None])
def test_a_damaged_or_missing_conflist_is_repaired(node: NodeDirectories, damage: bytes | None) -> None:
    node.install()
    conflist = node.config / "00-netattach.conflist"
    conflist.unlink()
    if damage:
        conflist.write_bytes(damage)
    node.installer.install()

    assert "0.4.0" == node.cni_version()


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
        patched.setattr(atomic_file, "write", _refuse)
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
    assert [] == netattach_conf.files_before(netattach_conf.FILE_NAME, [netattach_conf.FILE_NAME, name])


def test_a_directory_of_another_user_is_reported_with_its_fix(
    node: NodeDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unpacking the plugins' archive may leave one; root without CAP_DAC_OVERRIDE cannot write to it."""
    (node.config / "10-a.conflist").write_text(DEFAULT_NETWORK)
    os.chown(node.config, 1001, 127)

    def refuse(path: Path, *_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(atomic_file, "write", refuse)
    node.installer.install()

    assert f"{node.config} belongs to user 1001: chown it to root" in str(node.installer.problem)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda shim: shim.unlink(), "is missing, so no pod of this node starts or ends; install it again"),
        (lambda shim: shim.write_bytes(b"other"), "is not the one of this release; install it again"),
        (lambda shim: shim.chmod(0o600), "is not executable; install it again"),
    ],
    ids=["missing", "another", "not executable"],
)
def test_a_shim_that_is_not_the_releases_is_reported_and_not_repaired(
    node: NodeDirectories, damage: Callable[[Path], object], problem: str
) -> None:
    """The directory is read-only for the daemon. The conflist stays: pods must not start without their networks."""
    node.install()
    shim = node.bin / "netattach"
    damage(shim)
    before = shim.read_bytes() if shim.exists() else None
    node.installer.install()

    assert f"the shim {shim} {problem}" in str(node.installer.problem)
    assert before == (shim.read_bytes() if shim.exists() else None)
    assert "0.4.0" == node.cni_version()


def test_the_conflist_waits_for_the_shim(node: NodeDirectories) -> None:
    """A runtime must find the program that the conflist names."""
    (node.bin / "netattach").unlink()
    node.networks = FixedNetworks(Network("n", DEFAULT_NETWORK, "n"))
    installer = node.new_installer()
    installer.install()
    assert [] == node.files()

    node.shim_binary.install()
    installer.install()
    assert ["00-netattach.conflist"] == node.files()
