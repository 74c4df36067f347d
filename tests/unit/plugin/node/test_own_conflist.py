"""A conflist that another program takes away: repaired once, then left alone, and tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netattach_core.cni import conf_contest, netattach_conf
from netattach_plugin.files import atomic_file
from netattach_plugin.node.own_conflist import OwnConflist
from support.file_deaths import dies_before
from support.node_directories import NodeDirectories
from support.second_writer import OTHER

NAME = netattach_conf.FILE_NAME


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectories:
    node = NodeDirectories(tmp_path)
    node.install()
    return node


def _rename(config: Path) -> None:
    (config / NAME).rename(config / f"{NAME}.cilium_bak")


def _remove(config: Path) -> None:
    (config / NAME).unlink()


def _replace(config: Path) -> None:
    (config / NAME).write_text(OTHER)


def _precede(config: Path) -> None:
    (config / "00-first.conflist").write_text(OTHER)


def _install_after(node: NodeDirectories, seconds: float, how: Callable[[Path], None] | None = None) -> None:
    node.now += seconds
    if how:
        how(node.config)
    node.installer.install()


def test_each_daemon_writes_it_once_so_that_the_runtime_reads_it(node: NodeDirectories) -> None:
    path = node.config / NAME
    before = path.stat().st_ino
    daemon = node.new_installer()
    daemon.install()
    written = path.stat().st_ino
    daemon.install()

    assert before != written
    assert written == path.stat().st_ino


@pytest.mark.parametrize("how", [_rename, _remove, _replace])
def test_the_first_loss_is_repaired_and_the_second_one_is_a_contest(
    node: NodeDirectories, how: Callable[[Path], None]
) -> None:
    _install_after(node, 2, how)
    assert None is node.installer.problem
    assert "0.4.0" == node.cni_version()

    _install_after(node, 2, how)
    left = node.files()
    for _ in range(5):
        _install_after(node, 2)

    assert f"another program contests {node.config / NAME}" in str(node.installer.problem)
    assert left == node.files()
    assert not (node.config / NAME).exists() or OTHER == (node.config / NAME).read_text()


def test_a_meta_plugin_that_comes_and_goes_before_it(node: NodeDirectories) -> None:
    """While it is there the message names it, as for any other file; the second time it is a contest."""
    _install_after(node, 2, _precede)
    assert "00-first.conflist, which comes before" in str(node.installer.problem)
    (node.config / "00-first.conflist").unlink()
    _install_after(node, 2)
    assert None is node.installer.problem

    _install_after(node, 2, _precede)

    assert "00-first.conflist (type other-meta) was put before it" in str(node.installer.problem)


def test_it_is_ready_again_once_the_other_has_stopped(node: NodeDirectories) -> None:
    """It is written again after the pause, and the runtime uses it from then on."""
    for _ in range(2):
        _install_after(node, 2, _rename)
    _install_after(node, conf_contest.FIRST_PAUSE)
    assert "0.4.0" == node.cni_version()
    assert "contests" in str(node.installer.problem)

    _install_after(node, conf_contest.TRIAL - 1)
    assert "contests" in str(node.installer.problem)
    _install_after(node, 1)
    assert None is node.installer.problem


def test_another_loss_lengthens_the_pause(node: NodeDirectories) -> None:
    for _ in range(2):
        _install_after(node, 2, _rename)
    _install_after(node, conf_contest.FIRST_PAUSE)
    _install_after(node, 2, _rename)
    _install_after(node, conf_contest.FIRST_PAUSE)
    assert not (node.config / NAME).exists()

    _install_after(node, conf_contest.FIRST_PAUSE)
    assert (node.config / NAME).exists()


def test_a_contest_that_lasts_for_days_is_not_forgotten(node: NodeDirectories) -> None:
    for _ in range(2):
        _install_after(node, 2, _rename)
    for number in range(40):
        _install_after(node, min(conf_contest.FIRST_PAUSE * 2**number, conf_contest.LONGEST_PAUSE))
        assert (node.config / NAME).exists()
        assert "contests" in str(node.installer.problem)
        _install_after(node, 2, _rename)
        assert not (node.config / NAME).exists()


def test_losses_that_are_far_apart_are_repaired(node: NodeDirectories) -> None:
    for _ in range(5):
        _install_after(node, 300, _rename)
        assert None is node.installer.problem


def test_a_new_version_of_the_default_network_is_no_loss(node: NodeDirectories) -> None:
    for version in ("1.0.0", "0.4.0", "1.0.0", "0.4.0"):
        text = (node.config / "10-a.conflist").read_text()
        old = node.cni_version()
        (node.config / "10-a.conflist").write_text(text.replace(old, version))
        _install_after(node, 1)
        assert (version, None) == (node.cni_version(), node.installer.problem)


def test_a_file_that_has_always_come_first_is_no_contest(tmp_path: Path) -> None:
    """The runtime has never used netattach's."""
    node = NodeDirectories(tmp_path)
    (node.config / "00-first.conflist").write_text(OTHER)
    for _ in range(5):
        _install_after(node, 1)

    assert "00-first.conflist, which comes before" in str(node.installer.problem)


def test_a_directory_that_is_named_like_an_earlier_file_is_skipped_as_runtimes_do(tmp_path: Path) -> None:
    node = NodeDirectories(tmp_path)
    (node.config / "00-first.conflist").mkdir()
    node.install()

    assert "0.4.0" == node.cni_version()


def test_each_loss_is_counted(tmp_path: Path) -> None:
    losses: list[int] = []
    now = [0.0]
    conflist = OwnConflist(tmp_path, clock=lambda: now[0], lost=lambda: losses.append(1))
    for _ in range(3):
        now[0] += 400
        conflist.write(b"{}")
        conflist.require_first()
        conflist.path.unlink()

    assert 2 == len(losses)


def test_an_uninstall_removes_what_others_have_renamed(node: NodeDirectories) -> None:
    """Cilium's uninstallation renames it back, and then every pod would wait for a daemon that is gone."""
    _rename(node.config)
    (node.config / f"{NAME}.mine").write_text(OTHER)
    (node.config / f"{NAME}.deep").write_text("[" * 100_000)
    node.uninstaller.uninstall()

    assert [f"{NAME}.deep", f"{NAME}.mine", "10-a.conflist"] == node.files()


@pytest.mark.parametrize("how", [_rename, _remove, _replace], ids=["rename", "remove", "replace"])
def test_a_daemon_killed_at_any_moment_of_a_contest(tmp_path: Path, how: Callable[[Path], None]) -> None:
    """Before each of its file operations; the conflist is whole or not there, and the next daemon installs it."""
    for number, died in enumerate(_deaths(tmp_path, how)):
        node = died
        conflist = node.config / NAME
        assert not conflist.exists() or conflist.read_bytes() in (_ours(), OTHER.encode()), number
        atomic_file.remove_leftovers([node.config])

        node.reinstall()

        assert "0.4.0" == node.cni_version()
        assert {NAME, "10-a.conflist"} == set(node.files()) - {f"{NAME}.cilium_bak"}
    assert number > 20


def _ours() -> bytes:
    return netattach_conf.text("0.4.0").encode()


def _deaths(root: Path, how: Callable[[Path], None]) -> Iterator[NodeDirectories]:
    """A node for each moment at which a daemon can die in a contest: the daemon is a process of its own."""
    for moment in range(1000):
        (root / str(moment)).mkdir()
        node = NodeDirectories(root / str(moment))
        node.install()
        if not dies_before(moment, lambda node=node: _contest(node, how)):  # type: ignore[misc]
            return
        yield node


def _contest(node: NodeDirectories, how: Callable[[Path], None]) -> None:
    for seconds in (2.0, 2.0, conf_contest.FIRST_PAUSE, 2.0):
        node.now += seconds
        if (node.config / NAME).exists():
            how(node.config)
        node.installer.install()
