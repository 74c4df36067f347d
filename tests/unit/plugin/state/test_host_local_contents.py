"""The leases of a network, remembered as long as it is certain that they are the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from netattach_plugin.state import host_local_contents
from netattach_plugin.state.host_local_contents import ContentCache, Owner
from netattach_plugin.state.host_local_directory import NetworkDirectory

LEASES = ["10.1.0.2", "10.1.0.3"]


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
    for name in LEASES:
        (tmp_path / name).write_text("c1\r\nnet1")
    for name in ("lock", "last_reserved_ip.0"):
        (tmp_path / name).write_text("10.1.0.3")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield Directory(descriptor)
    os.close(descriptor)


def _of(cache: ContentCache, directory: Directory, container: str = "c1") -> Mapping[str, Owner]:
    with cache.contents("lan", directory) as contents:
        return dict(contents.of(container))


def test_leases_that_stay_the_same_are_read_once(directory: Directory) -> None:
    cache = ContentCache()

    for _ in range(3):
        assert dict.fromkeys(LEASES, ("c1", "net1")) == _of(cache, directory)

    assert sorted(LEASES) == sorted(directory.reads)


def _removed(path: Path) -> None:
    path.unlink()


def _another_owner(path: Path) -> None:
    """Within the same tick of the clock, most likely."""
    path.unlink()
    path.write_text("c2\r\nnet1")


def _a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name(LEASES[1]))


@pytest.mark.parametrize("change", [_removed, _another_owner, _a_link])
def test_leases_are_read_again_once_a_file_has_come_or_gone(
    directory: Directory, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    cache = ContentCache()
    _of(cache, directory)

    change(tmp_path / LEASES[0])

    assert [LEASES[1]] == list(_of(cache, directory))


def test_what_was_noted_needs_no_reading(directory: Directory, tmp_path: Path) -> None:
    cache = ContentCache()
    with cache.contents("lan", directory) as contents:
        directory.create("10.1.0.4", b"c2\r\nnet1")
        contents.add("10.1.0.4", b"c2\r\nnet1")
        directory.remove(LEASES[0])
        contents.remove(LEASES[0], "c1")
    directory.reads.clear()

    assert {"10.1.0.4": ("c2", "net1")} == _of(cache, directory, "c2")
    assert {LEASES[1]: ("c1", "net1")} == _of(cache, directory)
    assert [] == directory.reads


def test_after_an_error_all_is_read_again(directory: Directory) -> None:
    cache = ContentCache()
    with pytest.raises(OSError, match="full"), cache.contents("lan", directory):
        raise OSError("the disk is full")
    directory.reads.clear()

    _of(cache, directory)

    assert sorted(LEASES) == sorted(directory.reads)


def _refused(*_: Any, **__: Any) -> None:
    raise PermissionError


def _ignored(*_: Any, **__: Any) -> None:
    pass


@pytest.mark.parametrize("utime", [_refused, _ignored])
def test_nothing_is_remembered_where_the_directorys_time_cannot_be_set(
    directory: Directory, monkeypatch: pytest.MonkeyPatch, utime: Callable[..., None]
) -> None:
    monkeypatch.setattr(os, "utime", utime)
    cache = ContentCache()

    for _ in range(2):
        _of(cache, directory)

    assert sorted(2 * LEASES) == sorted(directory.reads)


def test_of_a_network_with_more_files_than_a_node_needs_nothing_is_remembered(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_local_contents, "_MOST", 3)
    cache = ContentCache()

    for _ in range(2):
        _of(cache, directory)

    assert sorted(2 * LEASES) == sorted(directory.reads)
