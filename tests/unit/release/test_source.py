"""A release is built from the last commit, and from nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from netattach_release import source
from netattach_release.errors import ReleaseError
from support import require

PROJECT = '[project]\nversion = "1.2.3"\nlicense = "Apache-2.0"\n'


def git(directory: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{role}_{what}": "test@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {
        **os.environ,
        **identity,
        "GIT_COMMITTER_DATE": "2027-01-15T08:00:00Z",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    command = [require.command("git"), *arguments]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one commit."""
    directory = tmp_path / "repository"
    directory.mkdir()
    (directory / "pyproject.toml").write_text(PROJECT)
    (directory / "program").write_text("committed")
    (directory / "program").chmod(0o755)
    git(directory, "init", "--quiet")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message", "first")
    return directory


def test_it_has_the_commits_hash_time_and_version(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD").strip()

    assert source.Source(commit, 1_800_000_000, "1.2.3", "Apache-2.0") == source.of(repository)


@pytest.mark.parametrize(
    "name", ["program", "another"], ids=["a changed file", "a file that git does not know"]
)
def test_a_work_tree_with_changes_is_refused_by_name(repository: Path, name: str) -> None:
    (repository / name).write_text("changed")

    with pytest.raises(ReleaseError, match=rf"(?s){name}.*Commit or stash"):
        source.of(repository)


def test_a_directory_without_a_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="not a git repository"):
        source.of(tmp_path)


def test_the_export_has_the_committed_files_whatever_the_umask(repository: Path, tmp_path: Path) -> None:
    before = source.of(repository)
    (repository / "program").write_text("changed")
    old = os.umask(0o077)
    try:
        source.export(repository, before, tmp_path / "files")
    finally:
        os.umask(old)

    assert "committed" == (tmp_path / "files/program").read_text()
    assert {"program": 0o755, "pyproject.toml": 0o644} == {
        path.name: path.stat().st_mode & 0o777 for path in sorted((tmp_path / "files").iterdir())
    }
