"""The program of the init container: it installs the shim, by rename, or says why it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netattach_plugin import install_shim
from netattach_plugin.files import atomic_file


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the shim is to be installed."""
    (tmp_path / "shim").write_bytes(b"the shim")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("NETATTACH_SHIM", str(tmp_path / "shim"))
    monkeypatch.setenv("NETATTACH_BIN_DIR", str(tmp_path / "bin"))
    return tmp_path / "bin/netattach"


def test_the_shim_is_installed_executable(installed: Path) -> None:
    assert 0 == install_shim.main()
    assert (b"the shim", 0o755) == (installed.read_bytes(), installed.stat().st_mode & 0o777)


def test_of_several_directories_the_first_gets_the_shim(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "more").mkdir()
    monkeypatch.setenv("NETATTACH_BIN_DIR", f"{tmp_path / 'bin'}:{tmp_path / 'more'}")

    assert 0 == install_shim.main()
    assert ([installed], []) == (list(installed.parent.iterdir()), list((tmp_path / "more").iterdir()))


def test_a_shim_that_is_up_to_date_is_not_written(installed: Path) -> None:
    install_shim.main()
    before = installed.stat()

    assert 0 == install_shim.main()
    assert (before.st_ino, before.st_mtime_ns) == (installed.stat().st_ino, installed.stat().st_mtime_ns)


def test_a_program_that_runs_from_the_former_shim_keeps_it(installed: Path) -> None:
    """The new one has another inode, so there is no moment without a shim, and none with half of one."""
    installed.write_bytes(b"the former one")
    with installed.open("rb") as running:
        assert 0 == install_shim.main()
        assert b"the former one" == running.read()
    assert b"the shim" == installed.read_bytes()


def test_a_link_in_its_place_is_replaced_and_not_followed(installed: Path, tmp_path: Path) -> None:
    """Whoever can write to the directory could otherwise make the container overwrite another file in it."""
    target = tmp_path / "bin/bridge"
    target.write_bytes(b"a plugin")
    installed.symlink_to(target)

    assert 0 == install_shim.main()
    assert (b"a plugin", False) == (target.read_bytes(), installed.is_symlink())


def test_what_a_killed_installation_left_is_removed(installed: Path) -> None:
    (installed.parent / ".netattach-1.tmp").write_bytes(b"the sh")

    assert 0 == install_shim.main()
    assert [installed] == list(installed.parent.iterdir())


def test_a_directory_that_cannot_be_written_is_reported_with_its_fix(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root without CAP_DAC_OVERRIDE cannot write to a directory of another user, as unpacking an archive may leave it."""
    os.chown(installed.parent, 1001, 127)

    def refuse(path: Path, *_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(atomic_file, "write_if_changed", refuse)

    assert 1 == install_shim.main()
    assert f"{installed.parent} belongs to user 1001: chown it to root" in capsys.readouterr().err


def test_settings_that_cannot_be_read_are_named(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETATTACH_DRAIN", "soon")

    assert 2 == install_shim.main()
    assert "NETATTACH_DRAIN" in capsys.readouterr().err
