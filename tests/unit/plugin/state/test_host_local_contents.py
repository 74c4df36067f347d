"""The contents of leases, remembered as long as it is certain that they are the same."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_plugin.state import host_local_contents
from netattach_plugin.state.host_local_contents import ContentCache
from netattach_plugin.state.host_local_directory import NetworkDirectory

NAMES = ["10.1.0.2", "10.1.0.3"]


class Directory(NetworkDirectory):
    """Counts what is read."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self.reads: list[str] = []

    def read(self, name: str) -> bytes:
        self.reads.append(name)
        return super().read(name)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    for name in NAMES:
        (tmp_path / name).write_text(f"owner of {name}")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield Directory(descriptor)
    os.close(descriptor)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour passes between two looks at a file."""
    hours = itertools.count(step=3600)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(hours)))


def _contents(cache: ContentCache, directory: Directory) -> list[bytes]:
    return list(cache.contents("lan", directory, NAMES).values())


def test_a_file_that_stays_the_same_is_read_twice(directory: Directory, later: None) -> None:
    """When it is first seen, and once more when no change can hide any longer."""
    cache = ContentCache()
    wanted = [f"owner of {n}".encode() for n in NAMES]

    assert [wanted] * 4 == [_contents(cache, directory) for _ in range(4)]
    assert 2 * NAMES == directory.reads


def test_a_file_that_was_just_written_is_read_again(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change within the same tick of the clock would not show."""
    monkeypatch.setattr(host_local_contents, "_SETTLING", 3600.0)
    cache = ContentCache()

    for _ in range(3):
        _contents(cache, directory)

    assert 3 * NAMES == directory.reads


@pytest.mark.parametrize("change", ["in place", "another file", "no file", "a link"])
def test_a_changed_file_is_read_again(directory: Directory, later: None, tmp_path: Path, change: str) -> None:
    cache, path = ContentCache(), tmp_path / NAMES[0]
    _contents(cache, directory)
    _contents(cache, directory)
    if change == "in place":
        path.write_text("another owner, of another length")
        expected = path.read_bytes()
    else:
        path.unlink()
        expected = b""
    if change == "another file":
        path.write_text("c9")
        expected = b"c9"
    elif change == "a link":
        path.symlink_to(tmp_path / NAMES[1])

    assert expected == _contents(cache, directory)[0]


def test_of_a_network_with_more_leases_than_a_node_needs_nothing_is_remembered(
    directory: Directory, later: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_local_contents, "_MOST", 1)
    cache = ContentCache()

    _contents(cache, directory)
    _contents(cache, directory)

    assert [*NAMES, *NAMES] == directory.reads
