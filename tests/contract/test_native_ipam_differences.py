"""Where the daemon does not do what host-local 1.9.1 does. Each test fails as soon as host-local does it, too.

Paths are those below `plugins/ipam/host-local` of the reference plugins.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from netattach_core.errors import AllocationError, TryAgainError
from netattach_core.native import ipam
from netattach_core.native.host_local import HostLocal
from netattach_plugin.state.host_local_store import HostLocalStore
from support import require
from support.ipam_plugins import Call, Plugins

LAN = [[{"subnet": "10.1.0.0/29"}]]
DUAL = [*LAN, [{"subnet": "10.2.0.0/30"}]]
LEASE = "c1\r\nnet1"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.found()


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return tmp_path / "ours"


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return tmp_path / "theirs"


def _call(verb: str, ranges: list[list[dict[str, str]]], ip: str = "", container_id: str = "c1") -> Call:
    config: dict[str, Any] = {"cniVersion": "1.0.0", "name": "lan"}
    body = {**config, "ipam": {"type": "host-local", "ranges": ranges}}
    return Call(verb, json.dumps(body), f"IgnoreUnknown=1;IP={ip}", container_id)


def _recipe(call: Call) -> HostLocal:
    recipe = ipam.read(call.stdin, call.args)
    assert isinstance(recipe, HostLocal)
    return recipe


def _write(files: Mapping[str, str], *stores: Path) -> None:
    for store in stores:
        for name, content in files.items():
            (store / "lan" / name).parent.mkdir(parents=True, exist_ok=True)
            (store / "lan" / name).write_bytes(content.encode())


def _leases(store: Path) -> set[str]:
    return {str(path.relative_to(store / "lan")) for path in store.glob("lan/**/*.*.*.*") if path.is_file()}


def test_a_failed_add_releases_what_a_running_pod_has(plugins: Plugins, ours: Path, theirs: Path) -> None:
    """`main.go: cmdAdd`, `alloc.Release(args.ContainerID, args.IfName)`: not only what this ADD has reserved."""
    _write({"10.1.0.2": LEASE, "10.2.0.2": LEASE}, ours, theirs)
    again = _call("ADD", DUAL, ip="10.1.0.5")

    assert "duplicate allocation is not allowed" in plugins.run(again, theirs).message
    with pytest.raises(AllocationError, match="duplicate allocation is not allowed"):
        HostLocalStore(ours).allocate(_recipe(again), "c1", "net1")

    assert set() == _leases(theirs)
    assert {"10.1.0.2", "10.2.0.2"} == _leases(ours)


def test_a_lease_that_cannot_be_removed_is_no_error(plugins: Plugins, theirs: Path) -> None:
    """`backend/disk/backend.go: ReleaseByKey`, `if err := os.Remove(path); err != nil { return nil }`.

    The daemon's error is in tests/unit/plugin/state/test_host_local_store.py.
    """
    require.own_namespaces()
    _write({"10.1.0.2": LEASE, "lock": ""}, theirs)
    script = f"mount --bind {theirs} {theirs} && mount -o remount,bind,ro {theirs} && exec $0"
    wrapper = [*require.in_new_namespace("--mount"), "sh", "-c", script]

    assert "" == plugins.run(_call("DEL", LAN), theirs, wrapper).message

    assert {"10.1.0.2"} == _leases(theirs)


def test_links_in_the_store_are_followed(plugins: Plugins, ours: Path, theirs: Path, tmp_path: Path) -> None:
    """`backend/disk/backend.go: Reserve`, `os.WriteFile(ipfile, …)`, and `os.ReadFile` everywhere else."""
    for store in (ours, theirs):
        _write({"lock": ""}, store)
        (tmp_path / f"{store.name}-file").touch()
        (store / "lan/last_reserved_ip.0").symlink_to(tmp_path / f"{store.name}-file")
    call = _call("ADD", LAN)

    assert plugins.run(call, theirs).result
    HostLocalStore(ours).allocate(_recipe(call), "c1", "net1")

    assert "10.1.0.2" == (tmp_path / "theirs-file").read_text()
    assert "" == (tmp_path / "ours-file").read_text()


def test_files_in_directories_of_the_store_are_leases(plugins: Plugins, ours: Path, theirs: Path) -> None:
    """`backend/disk/backend.go: ReleaseByKey`, `filepath.Walk`."""
    _write({"x/10.1.0.2": LEASE}, ours, theirs)
    call = _call("DEL", LAN)

    plugins.run(call, theirs)
    HostLocalStore(ours).release(_recipe(call), "c1", "net1")

    assert set() == _leases(theirs)
    assert {"x/10.1.0.2"} == _leases(ours)


def test_a_last_address_that_looks_like_the_container_is_a_lease(
    plugins: Plugins, ours: Path, theirs: Path
) -> None:
    """`backend/disk/backend.go: ReleaseByID`, which compares every file with the container ID."""
    _write({"last_reserved_ip.0": "10.1.0.4"}, ours, theirs)
    call = _call("DEL", LAN, container_id="10.1.0.4")

    plugins.run(call, theirs)
    HostLocalStore(ours).release(_recipe(call), "10.1.0.4", "net1")

    assert not (theirs / "lan/last_reserved_ip.0").exists()
    assert (ours / "lan/last_reserved_ip.0").exists()


def test_an_add_that_fails_after_its_lease_leaves_it(plugins: Plugins, theirs: Path) -> None:
    """`backend/disk/backend.go: Reserve`, `err = os.WriteFile(ipfile, …)`: a full disk, here a limit on the size of files.

    The daemon's error is in tests/unit/plugin/state/test_host_local_store.py.
    """
    lease, last = len("c\r\nnet1"), len("10.1.0.2")
    assert lease < last
    call = _call("ADD", LAN, container_id="c")

    assert "file too large" in plugins.run(call, theirs, ["prlimit", f"--fsize={lease}"]).message

    assert {"10.1.0.2"} == _leases(theirs)


def test_a_lock_that_is_never_released_is_waited_for_without_end(
    plugins: Plugins, ours: Path, theirs: Path
) -> None:
    """`backend/disk/lock.go: Lock`, `unix.Flock(m.fd, unix.LOCK_EX)`."""
    call = _call("ADD", LAN)
    _write({"lock": ""}, ours, theirs)
    with (ours / "lan/lock").open() as one, (theirs / "lan/lock").open() as other:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.flock(other, fcntl.LOCK_EX)

        with pytest.raises(TryAgainError, match="lock"):
            HostLocalStore(ours, patience=0.1).allocate(_recipe(call), "c1", "net1")
        waiting = plugins.process(call, theirs)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(timeout=0.5)

    waiting.communicate(timeout=60)
    assert {"10.1.0.2"} == _leases(theirs)
