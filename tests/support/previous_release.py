"""The release before this one, from the history of this repository: its sources, its shim, its programs.

Its Python packages have the names of ours, so they run in processes of their own.
"""

from __future__ import annotations

import fcntl
import functools
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from e2e.lab import places
from support import require

COMMIT = "c1a61a0462f9412be6470f336afc0c3012e25f5d"
"""The last one that counts as `VERSION`, which never got a tag."""

VERSION = "0.1.0"

_PACKAGES = ("core", "kube", "plugin", "webhooks", "operator", "cli")


@functools.cache
def source() -> Path:
    """The directory of its sources; they are extracted once, since they never change."""
    directory = require.REPOSITORY / "build" / f"previous-{COMMIT[:7]}"
    directory.parent.mkdir(exist_ok=True)
    with _locked(directory):
        if not directory.exists():
            _extract(directory)
    return directory


@functools.cache
def shim() -> Path:
    """Its shim, built from its sources."""
    directory = source() / "plugin/shim"
    with _locked(source()):
        subprocess.run(["make", "-s", "-C", str(directory)], check=True, capture_output=True, text=True)
    return directory / "build/netattach"


def python_path() -> str:
    """PYTHONPATH for a process with its packages instead of ours."""
    return os.pathsep.join(str(source() / each) for each in _PACKAGES)


def run(script: str, stdin: bytes = b"") -> bytes:
    """What a Python script with its packages prints."""
    environment = {**os.environ, "PYTHONPATH": python_path()}
    done = subprocess.run(
        [sys.executable, "-c", script], input=stdin, env=environment, capture_output=True, check=False
    )
    assert 0 == done.returncode, done.stderr.decode()
    return done.stdout


@contextmanager
def programs() -> Iterator[None]:
    """Programs that start in this block, as `python -m`, are those of the previous release."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", python_path())
        yield


@functools.cache
def image() -> Path:
    """Its image as an archive, built once on a machine by its own tools/image, which takes minutes."""
    archive = places.CACHE / f"{source().name}-image.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with _locked(archive):
        if not archive.exists():
            subprocess.run([source() / "tools/image", archive], check=True, stdout=subprocess.DEVNULL)
    return archive


def _extract(directory: Path) -> None:
    """Leaves the test out where the repository has no such commit."""
    git = ("git", "-C", str(require.REPOSITORY))

    def has_commit() -> bool:
        done = subprocess.run([*git, "cat-file", "-e", COMMIT], capture_output=True, check=False)
        return done.returncode == 0

    if not has_commit():  # in a shallow clone
        quietly = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        subprocess.run([*git, "fetch", "--unshallow"], env=quietly, capture_output=True, check=False)
    if not has_commit():
        require.left_out(
            f"needs commit {COMMIT[:7]}, the previous release, which neither this copy of the repository nor its origin has"
        )
    archive = directory.with_suffix(".tar")
    subprocess.run([*git, "archive", f"--output={archive}", COMMIT], check=True)
    new = directory.with_suffix(".new")
    with tarfile.open(archive) as opened:
        opened.extractall(new, filter="data")
    archive.unlink()
    new.rename(directory)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Processes of pytest-xdist share it."""
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
