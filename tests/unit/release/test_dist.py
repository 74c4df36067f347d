"""dist/ is complete or as it was before, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netattach_release import dist
from netattach_release.errors import ReleaseError
from support import require

BUILD = """
import sys, time
from pathlib import Path
from netattach_release import dist
with dist.written(Path(sys.argv[1], "dist"), Path(sys.argv[1], "work")) as new:
    (new / "half").write_text("")
    print("begun", flush=True)
    time.sleep(600)
"""


def write(root: Path, content: str) -> None:
    with dist.written(root / "dist", root / "work") as new:
        (new / "file").write_text(content)


def fail(root: Path) -> None:
    """An error after the first file."""
    with dist.written(root / "dist", root / "work") as new:
        (new / "file").write_text("half")
        raise ZeroDivisionError


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a release."""
    environment = {**os.environ, "PYTHONPATH": str(require.REPOSITORY / "tools/release")}
    command = [sys.executable, "-c", BUILD, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert "begun\n" == process.stdout.readline()
        yield process
        process.kill()


def test_the_checksums_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    write(tmp_path, "content")

    checked = subprocess.run(
        [require.command("sha256sum"), "--check", "--strict", "SHA256SUMS"],
        cwd=tmp_path / "dist",
        capture_output=True,
        text=True,
        check=True,
    )

    assert "file: OK\n" == checked.stdout


def test_it_replaces_the_files_of_an_earlier_release(tmp_path: Path) -> None:
    write(tmp_path, "old")
    (tmp_path / "dist/only-old").write_text("")

    write(tmp_path, "new")

    assert {"file", "SHA256SUMS"} == {path.name for path in (tmp_path / "dist").iterdir()}
    assert "new" == (tmp_path / "dist/file").read_text()
    assert ["lock"] == [path.name for path in (tmp_path / "work").iterdir()]


def test_an_error_leaves_the_earlier_release(tmp_path: Path) -> None:
    write(tmp_path, "old")

    with pytest.raises(ZeroDivisionError):
        fail(tmp_path)

    assert "old" == (tmp_path / "dist/file").read_text()


def test_a_kill_leaves_no_dist_and_the_next_release_has_nothing_of_it(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    other.send_signal(signal.SIGKILL)
    other.wait()

    assert not (tmp_path / "dist").exists()
    write(tmp_path, "new")
    assert {"file", "SHA256SUMS"} == {path.name for path in (tmp_path / "dist").iterdir()}


def test_a_second_release_at_the_same_time_is_refused(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(ReleaseError, match="another release is being built"):
        write(tmp_path, "mine")

    assert not (tmp_path / "dist").exists()


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    write(tmp_path, "old")
    (tmp_path / "dist").rename(tmp_path / "work/old")

    write(tmp_path, "new")

    assert "new" == (tmp_path / "dist/file").read_text()


@pytest.mark.parametrize(
    "make", [Path.touch, lambda path: path.symlink_to("elsewhere")], ids=["file", "link"]
)
def test_what_is_no_directory_is_refused_before_anything_is_built(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "dist")
    before = (tmp_path / "dist").lstat()

    with pytest.raises(
        ReleaseError, match="dist is no directory, and a release replaces it as a whole; remove it"
    ):
        write(tmp_path, "new")

    assert before == (tmp_path / "dist").lstat()
    assert not (tmp_path / "work").exists()
