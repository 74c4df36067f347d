"""What a release is built from: the last commit, and nothing else that is in the work tree."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from netattach_release.errors import ReleaseError


@dataclass(frozen=True)
class Source:
    """The commit's hash, its time in seconds since 1970, and the project's version and licence (SPDX)."""

    commit: str
    epoch: int
    version: str
    licence: str


def of(repository: Path) -> Source:
    """The last commit. Raises ReleaseError if the work tree has changes, which the release would not have."""
    changed = _git(repository, "status", "--porcelain").decode()
    if changed:
        raise ReleaseError(
            f"uncommitted changes, which the release would not have:\n{changed}Commit or stash them."
        )
    commit, epoch = _git(repository, "log", "-1", "--format=%H %ct").decode().split()
    project = tomllib.loads(_git(repository, "show", f"{commit}:pyproject.toml").decode())["project"]
    return Source(commit, int(epoch), project["version"], project["license"])


def export(repository: Path, source: Source, directory: Path) -> None:
    """Writes the commit's files, with modes that depend on no umask, and all with the commit's time."""
    files = _git(repository, "-c", "tar.umask=0022", "archive", "--format=tar", source.commit)
    with tarfile.open(fileobj=io.BytesIO(files)) as tar:
        tar.extractall(directory, filter="tar")


def _git(repository: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=repository, capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise ReleaseError("git is not installed; a release is built from a commit") from None
    except subprocess.CalledProcessError as error:
        raise ReleaseError(f"git {arguments[0]}: {error.stderr.decode().strip()}") from error
