"""Whether tuning's driver may set the sysctls of a node."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netattach_plugin.node import tuning_allowlist

ALL = frozenset({"macvlan", "tuning"})


def permitted(directory: Path, native: frozenset[str] = ALL) -> frozenset[str]:
    return tuning_allowlist.permitted(lambda: native, directory)()


def test_without_a_list_the_driver_may(tmp_path: Path) -> None:
    assert ALL == permitted(tmp_path)
    assert frozenset({"macvlan"}) == permitted(tmp_path, frozenset({"macvlan"}))


def test_with_a_list_the_program_runs_from_the_next_call_on(tmp_path: Path) -> None:
    plugins = tuning_allowlist.permitted(lambda: ALL, tmp_path)
    assert ALL == plugins()
    (tmp_path / "allowlist.conf").write_text("^net.ipv4.conf.IFNAME.rp_filter$\n")
    assert frozenset({"macvlan"}) == plugins()
    (tmp_path / "allowlist.conf").unlink()
    (tmp_path / "allowlist.conf").symlink_to(tmp_path / "nothing")
    assert frozenset({"macvlan"}) == plugins(), "it may lead somewhere on the node"


def test_where_nothing_can_be_seen_the_program_runs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert frozenset({"macvlan"}) == permitted(tmp_path / "missing")
    assert frozenset({"macvlan"}) == permitted(tmp_path / "file")


def test_a_directory_that_the_node_has_deleted_says_nothing(tmp_path: Path) -> None:
    """A mount goes on to show it, empty, while the node may have a new one."""
    directory = tmp_path / "tuning"
    directory.mkdir()
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        directory.rmdir()
        if os.fstat(held).st_nlink:
            pytest.fail(
                "this file system counts the links of a deleted directory, and cannot show that it is deleted"
            )
        assert frozenset({"macvlan"}) == permitted(Path(f"/proc/self/fd/{held}"))
    finally:
        os.close(held)
