"""Atomic files: whole or not at all, whatever is in the way."""

from __future__ import annotations

import errno
import os
import secrets
import signal
import stat
import subprocess
import sys
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


def test_an_absent_file_is_written_whole(tmp_path: Path) -> None:
    assert atomic_file.write_if_absent(tmp_path / "f", b"a", 0o755)

    assert (b"a", 0o755) == ((tmp_path / "f").read_bytes(), (tmp_path / "f").stat().st_mode & 0o777)
    assert ["f"] == [path.name for path in tmp_path.iterdir()]


def test_a_file_that_appears_while_another_is_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else installs the same plugin."""

    def slow(_: int) -> None:
        (tmp_path / "f").write_bytes(b"theirs")

    monkeypatch.setattr(os, "fsync", slow)

    assert not atomic_file.write_if_absent(tmp_path / "f", b"ours", 0o755)
    assert ["f"] == [path.name for path in tmp_path.iterdir()]
    assert b"theirs" == (tmp_path / "f").read_bytes()


@pytest.fixture
def _no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on FAT: link(2) refuses, but for a name that is taken, which the kernel sees before."""

    def refused(_: Path, path: Path, **_named: bool) -> None:
        raise OSError(errno.EEXIST if os.path.lexists(path) else errno.EPERM, "refused")

    monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("_no_hard_links")
def test_without_hard_links_an_absent_file_is_written_whole(tmp_path: Path) -> None:
    assert atomic_file.write_if_absent(tmp_path / "f", b"a", 0o755)

    assert (b"a", 0o755) == ((tmp_path / "f").read_bytes(), (tmp_path / "f").stat().st_mode & 0o777)
    assert ["f"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.usefixtures("_no_hard_links")
@pytest.mark.parametrize(
    ("content", "mode"), [(b"", 0o755), (b"theirs", 0o000)], ids=["empty", "that nobody may open"]
)
def test_without_hard_links_another_file_stays(tmp_path: Path, content: bytes, mode: int) -> None:
    (tmp_path / "f").write_bytes(content)
    (tmp_path / "f").chmod(mode)

    assert not atomic_file.write_if_absent(tmp_path / "f", b"ours", 0o755)
    assert (len(content), mode) == ((tmp_path / "f").stat().st_size, (tmp_path / "f").stat().st_mode & 0o777)


@pytest.mark.usefixtures("_no_hard_links")
def test_without_hard_links_a_file_that_appears_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: (tmp_path / "f").write_bytes(b"theirs"))

    assert not atomic_file.write_if_absent(tmp_path / "f", b"ours", 0o755)
    assert b"theirs" == (tmp_path / "f").read_bytes()
    assert ["f"] == [path.name for path in tmp_path.iterdir()]


def test_without_hard_links_the_next_try_replaces_what_a_kill_leaves(tmp_path: Path) -> None:
    killed = f"""
import errno, os, pathlib, signal
from netattach_plugin.files import atomic_file
def refused(*_, **__):
    raise OSError(errno.EPERM, "refused")
os.link = refused
pathlib.Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
atomic_file.write_if_absent(pathlib.Path({str(tmp_path / "f")!r}), b"a", 0o755)
"""
    ended = subprocess.run([sys.executable, "-c", killed], check=False)
    assert -signal.SIGKILL == ended.returncode
    assert (0, 0) == ((tmp_path / "f").stat().st_size, (tmp_path / "f").stat().st_mode & 0o777)

    assert atomic_file.write_if_absent(tmp_path / "f", b"a", 0o755)
    assert (b"a", 0o755) == ((tmp_path / "f").read_bytes(), (tmp_path / "f").stat().st_mode & 0o777)


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_another_problem_of_a_link_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: int
) -> None:
    def refused(*_: Path, **__: bool) -> None:
        raise OSError(problem, "refused")

    monkeypatch.setattr(os, "link", refused)

    with pytest.raises(OSError, match="refused"):
        atomic_file.write_if_absent(tmp_path / "f", b"a", 0o755)

    assert [] == list(tmp_path.iterdir())


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the next temporary file, as if somebody could guess it."""
    monkeypatch.setattr(secrets, "token_hex", lambda size: "0" * 2 * size)
    return ".netattach-00000000000000000000000000000000.tmp"


@pytest.mark.parametrize("target", ["victim", "nowhere"])
def test_a_link_at_the_temporary_name_is_not_followed(tmp_path: Path, predicted: str, target: str) -> None:
    """Whoever can write to the directory must not choose which file root overwrites or creates."""
    (tmp_path / "victim").write_bytes(b"untouched")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / predicted).symlink_to(tmp_path / target)

    with pytest.raises(FileExistsError):
        atomic_file.write(tmp_path / "d/f", b"a", 0o600)

    assert b"untouched" == (tmp_path / "victim").read_bytes()
    assert [predicted] == [path.name for path in (tmp_path / "d").iterdir()]
    assert ["d", "victim"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_file_at_the_temporary_name_is_neither_written_nor_removed(tmp_path: Path, predicted: str) -> None:
    """It may be open elsewhere, with its owner reading along."""
    (tmp_path / predicted).write_bytes(b"somebody's")

    with pytest.raises(FileExistsError):
        atomic_file.write(tmp_path / "f", b"a", 0o600)

    assert b"somebody's" == (tmp_path / predicted).read_bytes()


def test_no_two_temporary_files_have_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def full(path: Path, _: Path) -> Path:
        names.append(path.name)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    for _ in range(50):
        with pytest.raises(OSError, match="No space left"):
            atomic_file.write(tmp_path / "f", b"a", 0o600)

    assert 50 == len(set(names))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"a", b"b"], ids=["with the same content", "with another content"])
def test_a_link_at_the_name_is_replaced_by_the_file(tmp_path: Path, content: bytes) -> None:
    """Its owner could change what it leads to later."""
    (tmp_path / "d").mkdir()
    (tmp_path / "victim").write_bytes(content)
    (tmp_path / "victim").chmod(0o600)
    (tmp_path / "d/f").symlink_to(tmp_path / "victim")

    assert atomic_file.write_if_changed(tmp_path / "d/f", b"a", 0o600)

    assert content == (tmp_path / "victim").read_bytes()
    assert (b"a", False) == ((tmp_path / "d/f").read_bytes(), (tmp_path / "d/f").is_symlink())


def test_a_pipe_at_the_name_is_replaced_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f", 0o600)

    assert atomic_file.write_if_changed(tmp_path / "f", b"a", 0o600)

    assert (tmp_path / "f").is_file()


def test_a_file_with_a_set_user_bit_is_not_current(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a")
    (tmp_path / "f").chmod(0o4755)

    assert atomic_file.write_if_changed(tmp_path / "f", b"a", 0o755)
    assert stat.S_IFREG | 0o755 == (tmp_path / "f").stat().st_mode


def test_what_a_kill_leaves_is_removed(tmp_path: Path) -> None:
    """A process is killed between write and rename; the next one removes its file, and nobody else's."""
    (tmp_path / "f").write_bytes(b"old")
    (tmp_path / "10-a.conf.tmp").touch()
    killed = f"""
import os, pathlib, signal
from netattach_plugin.files import atomic_file
pathlib.Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
atomic_file.write(pathlib.Path({str(tmp_path / "f")!r}), b"new", 0o600)
"""
    ended = subprocess.run([sys.executable, "-c", killed], check=False)
    assert -signal.SIGKILL == ended.returncode
    assert 1 == len(list(tmp_path.glob(atomic_file.TEMPORARY)))

    atomic_file.remove_leftovers([tmp_path, tmp_path / "missing"])

    assert ["10-a.conf.tmp", "f"] == sorted(path.name for path in tmp_path.iterdir())
    assert b"old" == (tmp_path / "f").read_bytes()


def test_a_leftover_that_cannot_be_removed_prevents_nothing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a/.netattach-1.tmp").mkdir()
    (tmp_path / "b/.netattach-1.tmp").symlink_to(tmp_path / "a")

    atomic_file.remove_leftovers([tmp_path / "a", tmp_path / "b"])

    assert [] == list((tmp_path / "b").iterdir())
    assert (tmp_path / "a").is_dir()


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
