"""The daemon's leases in host-local's store, and what is left there when something fails."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from netattach_core.errors import AllocationError, TryAgainError
from netattach_core.native.host_local import HostLocal, Range, RangeSet
from netattach_plugin.state.host_local_directory import NetworkDirectory
from netattach_plugin.state.host_local_store import HostLocalStore


def _range_set(subnet: str, requested: str = "") -> RangeSet:
    network = ip_network(subnet)
    one = Range(network, network[1], network[-2], network[1])
    return RangeSet((one,), ip_address(requested) if requested else None)


LAN = HostLocal("lan", (_range_set("10.1.0.0/29"),))
DUAL = HostLocal("lan", (_range_set("10.1.0.0/29"), _range_set("10.2.0.0/30")))


@pytest.fixture
def store(tmp_path: Path) -> HostLocalStore:
    return HostLocalStore(tmp_path / "networks", patience=0.05)


@pytest.fixture
def lan(tmp_path: Path) -> Path:
    """The network's directory."""
    path = tmp_path / "networks/lan"
    path.mkdir(parents=True)
    return path


def _counted(monkeypatch: pytest.MonkeyPatch, *functions: str) -> Counter[str]:
    """How often these functions of `os` are called from now on."""
    counts: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return function(*arguments, **options)

        return call

    for name in functions:
        monkeypatch.setattr(os, name, counting(name, getattr(os, name)))
    return counts


def _files(network: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in network.iterdir()}


def _addresses(store: HostLocalStore, recipe: HostLocal, container: str, ifname: str = "net1") -> list[str]:
    return [each.address for each in store.allocate(recipe, container, ifname).ips]


def test_a_lease_is_a_file_as_host_local_writes_it(store: HostLocalStore, tmp_path: Path) -> None:
    assert ["10.1.0.2/29", "10.2.0.2/30"] == _addresses(store, DUAL, "c1")

    network = tmp_path / "networks/lan"
    assert {
        "10.1.0.2": b"c1\r\nnet1",
        "10.2.0.2": b"c1\r\nnet1",
        "last_reserved_ip.0": b"10.1.0.2",
        "last_reserved_ip.1": b"10.2.0.2",
        "lock": b"",
    } == _files(network)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (network, *network.iterdir())}
    assert {"lan": 0o755, "lock": 0o750} == {name: modes.pop(name) for name in ("lan", "lock")}
    assert {0o600} == set(modes.values())


def test_a_delete_removes_the_leases_of_the_interface_alone(store: HostLocalStore, lan: Path) -> None:
    for ifname in ("net1", "net2"):
        store.allocate(LAN, "c1", ifname)

    store.release(LAN, "c1", "net1")
    store.release(LAN, "c1", "net1")

    assert {"10.1.0.3": b"c1\r\nnet2", "last_reserved_ip.0": b"10.1.0.3", "lock": b""} == _files(lan)


@pytest.mark.parametrize("pods", [4, 40])
def test_a_call_makes_as_many_system_calls_however_many_leases_there_are(
    store: HostLocalStore, lan: Path, monkeypatch: pytest.MonkeyPatch, pods: int
) -> None:
    """Nothing is quadratic: neither in the pods of a node nor in those that come at once."""
    large = HostLocal("lan", (_range_set("10.1.0.0/24"),))
    for number in range(pods):
        store.allocate(large, f"c{number}", "net1")
    calls = _counted(monkeypatch, "open", "stat", "fstat", "read", "scandir", "link", "unlink", "utime")

    store.allocate(large, "new", "net1")
    store.release(large, "new", "net1")

    assert {"open": 7, "fstat": 9, "read": 1, "link": 1, "unlink": 2, "utime": 2} == calls


def test_a_second_add_changes_nothing(store: HostLocalStore, lan: Path) -> None:
    store.allocate(LAN, "c1", "net1")
    before = _files(lan)

    with pytest.raises(AllocationError, match=r"10\.1\.0\.2 has been allocated to c1, duplicate"):
        store.allocate(LAN, "c1", "net1")

    assert before == _files(lan)


def test_an_add_that_fails_for_a_later_range_set_leases_nothing(store: HostLocalStore, lan: Path) -> None:
    store.allocate(DUAL, "c1", "net1")

    with pytest.raises(AllocationError, match="failed to allocate for range 1: no IP addresses available"):
        store.allocate(DUAL, "c2", "net1")

    assert b"c2\r\nnet1" not in _files(lan).values()
    assert b"10.1.0.3" == _files(lan)["last_reserved_ip.0"]  # as host-local


def test_a_failed_add_leaves_what_a_running_pod_has(store: HostLocalStore, lan: Path) -> None:
    """host-local would release the first address of the pod, too."""
    store.allocate(DUAL, "c1", "net1")
    again = HostLocal("lan", (_range_set("10.1.0.0/29", "10.1.0.5"), DUAL.range_sets[1]))

    with pytest.raises(AllocationError, match="duplicate allocation"):
        store.allocate(again, "c1", "net1")

    assert {"10.1.0.2", "10.2.0.2"} == {
        name for name, content in _files(lan).items() if content == b"c1\r\nnet1"
    }


def test_no_second_refusal_rests_on_what_is_remembered(
    store: HostLocalStore, lan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator removes a lease, without the lock, in the moment in which the daemon marks the directory."""
    one = HostLocal("lan", (_range_set("10.2.0.0/30"),))
    mark = NetworkDirectory.mark

    def after_a_removal(network: NetworkDirectory) -> int | None:
        (lan / "10.2.0.2").unlink(missing_ok=True)
        return mark(network)

    with monkeypatch.context() as patch:
        patch.setattr(NetworkDirectory, "mark", after_a_removal)
        store.allocate(one, "c1", "net1")
    with pytest.raises(AllocationError, match="no IP addresses available"):
        store.allocate(one, "c2", "net1")

    assert ["10.2.0.2/30"] == _addresses(store, one, "c2")


def _refuse(number: int) -> Callable[..., Any]:
    def refuse(*arguments: object, **options: object) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.mark.parametrize("call", ["open", "write", "link", "ftruncate"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_fails_leaves_no_lease_and_is_named(
    store: HostLocalStore, lan: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, _refuse(number))
        with pytest.raises(AllocationError, match=f"{lan}: {os.strerror(number).lower()}"):
            store.allocate(DUAL, "c1", "net1")

    assert {"last_reserved_ip.0", "last_reserved_ip.1", "lock"} >= set(_files(lan))
    assert 2 == len(_addresses(store, DUAL, "c1"))


def test_a_disk_that_fails_at_the_second_lease_loses_the_first_one(
    store: HostLocalStore, lan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def first_only(source: str, target: str, **options: Any) -> None:
        if target == "10.2.0.2":
            raise OSError(errno.ENOSPC, "No space left on device")
        link(source, target, **options)

    monkeypatch.setattr(os, "link", first_only)

    with pytest.raises(AllocationError, match="no space left"):
        store.allocate(DUAL, "c1", "net1")

    assert {"last_reserved_ip.0", "last_reserved_ip.1", "lock"} == set(_files(lan))


def test_a_lease_that_cannot_be_removed_fails_the_delete(
    store: HostLocalStore, lan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """host-local would report success, and the address would be lost."""
    store.allocate(LAN, "c1", "net1")
    monkeypatch.setattr(os, "unlink", _refuse(errno.EROFS))

    with pytest.raises(AllocationError, match="read-only file system"):
        store.release(LAN, "c1", "net1")


class KilledError(BaseException):
    """In the place of SIGKILL: nothing after it runs, so `unlink` of the cleaning-up does not run either."""


@pytest.mark.parametrize("call", ["link", "write", "ftruncate", "unlink"])
def test_a_kill_leaves_no_address_without_an_owner(
    store: HostLocalStore, lan: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """What it leaves is removed with the next call or belongs to the interface."""

    def kill(*arguments: object, **options: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(os, call, kill)
        patch.setattr(os, "unlink", kill)
        with pytest.raises(KilledError):
            store.allocate(DUAL, "c1", "net1")
    assert all(content == b"c1\r\nnet1" for name, content in _files(lan).items() if name[0].isdigit())

    store.release(DUAL, "c1", "net1")

    assert {"last_reserved_ip.0", "last_reserved_ip.1", "lock"} >= set(_files(lan))


def test_what_a_kill_has_left_is_removed_by_the_next_add(store: HostLocalStore, lan: Path) -> None:
    (lan / ".netattach-0123.tmp").write_bytes(b"c9\r\nne")
    (lan / ".other.tmp").touch()

    store.allocate(LAN, "c1", "net1")

    assert {".other.tmp", "10.1.0.2", "last_reserved_ip.0", "lock"} == set(_files(lan))


def test_a_lock_that_is_never_released_makes_the_runtime_try_again(store: HostLocalStore, lan: Path) -> None:
    with (lan / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for call in (store.allocate, store.release):
            with pytest.raises(TryAgainError, match=f"fuser {lan}/lock"):
                call(LAN, "c1", "net1")
    assert ["lock"] == list(_files(lan))

    assert ["10.1.0.2/29"] == _addresses(store, LAN, "c1")


def test_a_thread_that_keeps_its_turn_makes_the_others_try_again(store: HostLocalStore, lan: Path) -> None:
    with store._network("lan"), ThreadPoolExecutor() as pool:
        waiting = pool.submit(store.allocate, LAN, "c1", "net1")
        with pytest.raises(TryAgainError, match=str(lan)):
            waiting.result()


@pytest.mark.parametrize("name", ["10.1.0.2", "last_reserved_ip.0", "lock"])
def test_planted_links_are_not_followed(store: HostLocalStore, lan: Path, tmp_path: Path, name: str) -> None:
    """An address's link is a reserved address, the last one's is replaced, the lock's is refused."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"c1\r\nnet1")
    (lan / name).symlink_to(secret)

    if name == "lock":
        with pytest.raises(AllocationError, match="symbolic links"):
            store.allocate(LAN, "c1", "net1")
    else:
        store.allocate(LAN, "c1", "net1")
        store.release(LAN, "c1", "net1")

    assert b"c1\r\nnet1" == secret.read_bytes()
    assert (lan / name).is_symlink() == (name != "last_reserved_ip.0")


def test_a_network_that_is_a_link_is_refused(store: HostLocalStore, lan: Path, tmp_path: Path) -> None:
    lan.rmdir()
    lan.symlink_to(tmp_path)

    with pytest.raises(AllocationError, match=f"{lan}: not a directory"):
        store.allocate(LAN, "c1", "net1")

    assert {"networks"} == {path.name for path in tmp_path.iterdir()}


def test_garbage_in_the_store_is_left_alone(store: HostLocalStore, lan: Path) -> None:
    (lan / "10.1.0.2").write_bytes(b"\xff\x00")
    (lan / "10.1.0.3").mkdir()
    os.mkfifo(lan / "10.1.0.4")
    (lan / "last_reserved_ip.0").write_bytes(b"\xff" * 10_000)
    (lan / "x").write_text("c1\r\nnet9")

    assert ["10.1.0.5/29"] == _addresses(store, LAN, "c1")
    store.release(LAN, "c1", "net1")

    assert {"10.1.0.2", "10.1.0.3", "10.1.0.4", "last_reserved_ip.0", "x", "lock"} == {
        path.name for path in lan.iterdir()
    }


@pytest.mark.parametrize("previous", ["a pipe", "a longer one"])
def test_the_last_address_replaces_whatever_is_there(store: HostLocalStore, lan: Path, previous: str) -> None:
    if previous == "a pipe":
        os.mkfifo(lan / "last_reserved_ip.0")
    else:
        (lan / "last_reserved_ip.0").write_text("10.100.100.100")

    store.allocate(LAN, "c1", "net1")

    assert b"10.1.0.2" == _files(lan)["last_reserved_ip.0"]


def test_many_threads_never_get_the_same_address(tmp_path: Path) -> None:
    store = HostLocalStore(tmp_path)
    recipe = HostLocal("lan", (_range_set("10.1.0.0/24"),))
    begin = threading.Barrier(16)

    def pods(thread: int) -> list[str]:
        begin.wait()
        return [address for pod in range(12) for address in _addresses(store, recipe, f"c{thread}-{pod}")]

    with ThreadPoolExecutor(16) as pool:
        found = [address for addresses in pool.map(pods, range(16)) for address in addresses]

    assert 16 * 12 == len(set(found)) == len(found)
