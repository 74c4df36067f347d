"""The program of the init container that installs the reference plugins: it adds what is missing and touches nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netattach_plugin import install_plugins


@pytest.fixture
def bin_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node's directory, empty; the image has the plugins bridge and macvlan."""
    (tmp_path / "image").mkdir()
    for name in ("bridge", "macvlan"):
        (tmp_path / "image" / name).write_bytes(f"the reference {name}".encode())
        (tmp_path / "image" / name).chmod(0o755)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("NETATTACH_PLUGINS", str(tmp_path / "image"))
    monkeypatch.setenv("NETATTACH_BIN_DIR", str(tmp_path / "bin"))
    return tmp_path / "bin"


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_missing_plugins_are_installed_executable(bin_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == install_plugins.main()
    assert ["bridge", "macvlan"] == names(bin_dir)
    assert (b"the reference macvlan", 0o755) == (
        (bin_dir / "macvlan").read_bytes(),
        (bin_dir / "macvlan").stat().st_mode & 0o7777,
    )
    assert (
        f"installed in {bin_dir}: bridge, macvlan; there already, and kept: none" in capsys.readouterr().err
    )


def test_a_second_run_writes_nothing(bin_dir: Path) -> None:
    install_plugins.main()
    before = {path: path.stat() for path in bin_dir.iterdir()}

    assert 0 == install_plugins.main()
    assert before == {path: path.stat() for path in bin_dir.iterdir()}


def test_another_version_stays_as_it_is(bin_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Even one that is not executable: the node's owner may have disabled it."""
    (bin_dir / "bridge").write_bytes(b"the owner's")
    (bin_dir / "bridge").chmod(0o600)
    before = (bin_dir / "bridge").stat()

    assert 0 == install_plugins.main()
    assert (b"the owner's", before) == ((bin_dir / "bridge").read_bytes(), (bin_dir / "bridge").stat())
    assert "installed in " in (said := capsys.readouterr().err)
    assert said.endswith('macvlan; there already, and kept: bridge"\n')


@pytest.mark.parametrize(
    "target", ["image/bridge", "nowhere"], ids=["a plugin", "a link that leads elsewhere"]
)
def test_a_plugin_in_another_directory_of_the_node_is_kept(
    bin_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """The runtime would use the one in the first directory instead."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other/bridge").symlink_to(tmp_path / target)
    monkeypatch.setenv("NETATTACH_BIN_DIR", f"{bin_dir}:{tmp_path / 'other'}")

    assert 0 == install_plugins.main()
    assert ["macvlan"] == names(bin_dir)


@pytest.mark.parametrize("target", ["victim", "nowhere", "image/bridge"])
def test_a_link_stays_and_is_not_followed(bin_dir: Path, tmp_path: Path, target: str) -> None:
    """k3s has links to one program; a dangling one must not make the container create a file elsewhere."""
    (tmp_path / "victim").write_bytes(b"untouched")
    (bin_dir / "bridge").symlink_to(tmp_path / target)

    assert 0 == install_plugins.main()
    assert tmp_path / target == (bin_dir / "bridge").readlink()
    assert b"untouched" == (tmp_path / "victim").read_bytes()
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_and_a_pipe_stay(bin_dir: Path) -> None:
    (bin_dir / "bridge").mkdir()
    os.mkfifo(bin_dir / "macvlan")

    assert 0 == install_plugins.main()
    assert (bin_dir / "bridge").is_dir()
    assert (bin_dir / "macvlan").is_fifo()


def test_only_programs_of_the_image_are_installed(bin_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "image/LICENSE").write_text("a licence")
    (tmp_path / "image/more").mkdir()
    (tmp_path / "image/link").symlink_to(tmp_path / "image/bridge")

    assert 0 == install_plugins.main()
    assert ["bridge", "macvlan"] == names(bin_dir)


def test_a_full_disk_leaves_no_half_of_a_plugin(
    bin_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kubelet starts the container again, with a back-off; the pod's status shows the message meanwhile."""
    sync = os.fsync

    def full(descriptor: int) -> None:
        if (bin_dir / "bridge").exists() and not Path(f"/proc/self/fd/{descriptor}").resolve().is_dir():
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)

    assert 1 == install_plugins.main()
    assert ["bridge"] == names(bin_dir)
    assert "the reference plugins cannot be installed: [Errno 28] No space left" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("moment", "left"),
    [("link", ["bridge"]), ("unlink", ["bridge", "macvlan"])],
    ids=["before the plugin has its name", "after it"],
)
def test_what_a_kill_leaves_is_whole_and_the_next_run_completes_it(
    bin_dir: Path, moment: str, left: list[str]
) -> None:
    killed = f"""
import os, pathlib, signal
from netattach_plugin import install_plugins
real = os.{moment}
def second(*words, **named):
    if pathlib.Path({str(bin_dir / "bridge")!r}).exists() and second.calls:
        os.kill(os.getpid(), signal.SIGKILL)
    second.calls += 1
    return real(*words, **named)
second.calls = 0
os.{moment} = second
install_plugins.main()
"""
    ended = subprocess.run([sys.executable, "-c", killed], check=False)
    assert -signal.SIGKILL == ended.returncode
    assert left == [name for name in names(bin_dir) if not name.startswith(".")]
    assert all((bin_dir / name).read_bytes() == f"the reference {name}".encode() for name in left)

    assert 0 == install_plugins.main()
    assert ["bridge", "macvlan"] == names(bin_dir)


def test_an_image_without_plugins_is_named(
    bin_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The image of the programs alone has none."""
    monkeypatch.setenv("NETATTACH_PLUGINS", str(tmp_path / "nowhere"))

    assert 1 == install_plugins.main()
    assert f"No such file or directory: '{tmp_path / 'nowhere'}'" in capsys.readouterr().err


def test_settings_that_cannot_be_read_are_named(
    bin_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETATTACH_DRAIN", "soon")

    assert 2 == install_plugins.main()
    assert "NETATTACH_DRAIN" in capsys.readouterr().err
