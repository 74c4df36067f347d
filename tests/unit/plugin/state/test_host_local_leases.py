"""host-local's store, as its own binary writes it."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from pathlib import Path

import pytest

from netattach_plugin.state.host_local_leases import HostLocalLeases


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The id, a Windows line end, the interface; in the same directory a lock and the last address."""
    for path, text in {
        "lan/10.0.0.2": "c1\r\nnet1",
        "lan/10.0.0.3": "c2\r\nnet1",
        "lan/last_reserved_ip.0": "10.0.0.3",
        "lan/lock": "",
        "old/10.1.0.2": "c1",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def _files(store: Path) -> dict[str, str]:
    return {str(path.relative_to(store)): path.read_text() for path in store.glob("*/*") if path.is_file()}


def _remove_ownerless(store: Path) -> list[str]:
    removed = asyncio.run(HostLocalLeases(store).remove_ownerless())
    return [str(Path(path).relative_to(store)) for path in removed]


def test_the_leases_of_a_sandbox(store: Path) -> None:
    leases = HostLocalLeases(store)

    assert [("lan", "net1"), ("old", "eth0")] == asyncio.run(leases.of_sandbox("c1"))
    asked = [("lan", "10.0.0.2"), ("lan", "10.0.0.3"), ("lan", "10.0.0.4")]
    assert [("lan", "10.0.0.2")] == asyncio.run(leases.still_held("c1", asked))


def test_without_a_store_there_are_no_leases(tmp_path: Path) -> None:
    leases = HostLocalLeases(tmp_path / "none")

    assert [] == asyncio.run(leases.of_sandbox("c1"))
    assert [] == asyncio.run(leases.still_held("c1", [("lan", "10.0.0.2")]))
    assert [] == asyncio.run(leases.remove_ownerless())


def test_a_lease_that_was_never_given_an_owner_is_removed(store: Path) -> None:
    """host-local was killed between the creation of the file and its first byte. Everything else stays as it is."""
    before = _files(store)
    for name in ("10.0.0.4", "fd00::4"):
        (store / "lan" / name).touch()

    assert ["lan/10.0.0.4", "lan/fd00::4"] == _remove_ownerless(store)
    assert before == _files(store)


def test_a_lease_that_is_being_written_stays(store: Path) -> None:
    """host-local holds the lock of its network until the owner is written."""
    (store / "lan/10.0.0.4").touch()
    with (store / "lan/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [] == _remove_ownerless(store)
    assert (store / "lan/10.0.0.4").exists()

    assert ["lan/10.0.0.4"] == _remove_ownerless(store)


@pytest.mark.parametrize("broken", [(Path, "glob"), (fcntl, "flock")], ids=["a broken disk", "no locks"])
def test_what_the_disk_refuses_is_left_to_the_next_sweep(
    store: Path, monkeypatch: pytest.MonkeyPatch, broken: tuple[object, str]
) -> None:
    """It does not end the daemon."""
    (store / "lan/10.0.0.4").touch()
    with monkeypatch.context() as failing:
        failing.setattr(*broken, _refuse)
        assert [] == _remove_ownerless(store)
    assert (store / "lan/10.0.0.4").exists()

    assert ["lan/10.0.0.4"] == _remove_ownerless(store)


def _refuse(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_what_host_local_has_not_written_stays(store: Path) -> None:
    """No lock of host-local; a name that is no address; a directory or a link as file, a link as lock."""
    (store / "old/10.1.0.3").touch()
    (store / "lan/notes").touch()
    (store / "lan/10.0.0.5").mkdir()
    (store / "lan/10.0.0.6").symlink_to(store / "lan/notes")
    (store / "linked/10.3.0.2").parent.mkdir()
    (store / "linked/10.3.0.2").touch()
    (store / "linked/lock").symlink_to(store / "lan/lock")
    before = sorted(store.glob("*/*"))

    assert [] == _remove_ownerless(store)
    assert before == sorted(store.glob("*/*"))
