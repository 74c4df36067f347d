"""Atomic files: whole or not at all, whatever is in the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netattach_plugin.files import atomic_file


def _no_space(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_current_file_is_not_written_again(tmp_path: Path) -> None:
    """The installer checks its files at intervals, which must not wear the disk out."""
    assert atomic_file.write_if_changed(tmp_path / "f", b"a", 0o600)
    inode = (tmp_path / "f").stat().st_ino

    assert not atomic_file.write_if_changed(tmp_path / "f", b"a", 0o600)
    assert inode == (tmp_path / "f").stat().st_ino


def test_another_content_or_mode_is_written(tmp_path: Path) -> None:
    atomic_file.write_if_changed(tmp_path / "f", b"a", 0o600)

    assert atomic_file.write_if_changed(tmp_path / "f", b"b", 0o600)
    assert atomic_file.write_if_changed(tmp_path / "f", b"b", 0o755)
    assert (b"b", 0o755) == ((tmp_path / "f").read_bytes(), (tmp_path / "f").stat().st_mode & 0o777)


def test_a_full_disk_keeps_the_old_file_and_leaves_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    atomic_file.write(tmp_path / "f", b"a", 0o600)
    monkeypatch.setattr(os, "fsync", _no_space)

    with pytest.raises(OSError, match="No space left"):
        atomic_file.write(tmp_path / "f", b"b", 0o600)

    assert ["f"] == [path.name for path in tmp_path.iterdir()]
    assert b"a" == (tmp_path / "f").read_bytes()


def test_an_open_file_keeps_its_content(tmp_path: Path) -> None:
    """A program that runs can be replaced."""
    atomic_file.write(tmp_path / "f", b"old", 0o755)
    with (tmp_path / "f").open("rb") as running:
        atomic_file.write(tmp_path / "f", b"new", 0o755)

        assert b"old" == running.read()


def test_a_temporary_file_of_an_earlier_process_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".f.tmp").write_bytes(b"longer than what is written now")

    atomic_file.write(tmp_path / "f", b"a", 0o600)

    assert b"a" == (tmp_path / "f").read_bytes()
    assert ["f"] == [path.name for path in tmp_path.iterdir()]


def test_a_link_in_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    """Whoever can write to the directory must not choose which file root overwrites."""
    (tmp_path / "victim").write_bytes(b"untouched")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/.f.tmp").symlink_to(tmp_path / "victim")

    atomic_file.write(tmp_path / "d/f", b"a", 0o600)

    assert b"untouched" == (tmp_path / "victim").read_bytes()
    assert (b"a", False) == ((tmp_path / "d/f").read_bytes(), (tmp_path / "d/f").is_symlink())


@pytest.mark.parametrize(
    ("existing", "sync", "synced"),
    [(False, True, ["file", "directory"]), (True, True, ["file"]), (False, False, []), (True, False, [])],
)
def test_a_file_is_synced_before_its_rename_and_a_new_name_after_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    existing: bool,  # noqa: FBT001  # a table's column
    sync: bool,  # noqa: FBT001  # a table's column
    synced: list[str],
) -> None:
    """The order that the ledger depends on after a loss of power."""
    if existing:
        (tmp_path / "f").write_bytes(b"old")
    steps: list[str] = []

    def fsync(descriptor: int) -> None:
        is_directory = Path(f"/proc/self/fd/{descriptor}").resolve().is_dir()
        steps.append("directory" if is_directory else "file")

    rename = Path.rename

    def renamed(path: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", renamed)
    atomic_file.write(tmp_path / "f", b"a", 0o600, sync=sync)

    assert [*synced[:1], "rename", *synced[1:]] == steps
