"""The real shim on a node whose directories are not those of the daemon's container, and on one where only their paths differ."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from netattach_core.shim import node_places
from netattach_core.shim.node_places import NONE
from netattach_plugin.node.runtime_paths import RuntimePaths
from support.build import shim_under_test
from support.shim_directories import ShimDirectories
from support.shim_peer import Peer
from support.waiting import PATIENCE, eventually


class Container:
    """This process, with a shim, compiled chains and CNI configs of its own, and a node next to it: another mount namespace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directories = ShimDirectories(root)
        self.bin = root / "bin"
        self.bin.mkdir()
        self.shim = Path(shutil.copy(shim_under_test(), self.bin / "netattach"))
        self.peer = Peer(root / "cni.sock")
        self.paths = RuntimePaths(self.shim, self.directories.config, self.directories.shim_files.chains)

    def start(self, shim: Path, mounts: Sequence[str] = (), verb: str = "ADD") -> subprocess.Popen[bytes]:
        """A call by this shim, on a node that differs by these mounts."""
        script = " && ".join((*(f"mount {each}" for each in mounts), f"exec {shim}"))
        environment = {
            "PATH": os.environ["PATH"],
            "NETATTACH_SOCKET": str(self.peer.path),
            "NETATTACH_CHAINS": str(self.directories.shim_files.chains),
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": "c1",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(self.bin),
        }
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-ec", script],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )

    def observe(self, shim: Path | None = None, mounts: Sequence[str] = (), verb: str = "ADD") -> str | None:
        """The problem after two such calls."""
        for _ in range(2):
            self.observe_one(self.start(shim or self.shim, mounts, verb))
        return self.paths.problem

    def observe_one(self, started: subprocess.Popen[bytes]) -> None:
        """What the daemon sees of a call that was started; it gets no answer."""
        assert started.stdin is not None
        started.stdin.write(b"{}")
        started.stdin.close()
        call = self.peer.call()
        places = node_places.of_call(call.environment)
        assert places is not None
        self.places = places
        self.paths.observe(call.environment)
        self.peer.hang_up()
        started.kill()
        started.wait(PATIENCE)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    container = Container(tmp_path)
    yield container
    container.peer.close()


@pytest.mark.parametrize("verb", ["ADD", "STATUS"])
def test_the_same_directories_at_the_same_paths(container: Container, verb: str) -> None:
    assert None is container.observe(verb=verb)
    assert NONE not in (container.places.shim, container.places.chains, container.places.configs)


def test_the_same_directories_by_links_and_mounts(container: Container) -> None:
    """A linked /opt/cni, a bind mount of the same directory, a mount of its parent."""
    root, config = container.root, container.directories.config
    (root / "opt").symlink_to(container.bin)
    parent = root / "parent"
    parent.mkdir()
    mounts = [f"--bind {config} {config}", f"--bind {root} {parent}"]

    assert None is container.observe(root / "opt/netattach", mounts)
    assert None is container.observe(parent / "bin/netattach", mounts)


def test_another_directory_of_configs(container: Container) -> None:
    """The volume has another path than its mount."""
    other = container.root / "k3s"
    other.mkdir()

    problem = container.observe(mounts=[f"--bind {other} {container.directories.config}"])

    assert f"the node's {container.directories.config} is not what this container has there" in str(problem)
    assert None is container.observe()


def test_a_node_without_that_directory(container: Container) -> None:
    config = container.directories.config
    hidden = container.root / "hidden"
    hidden.mkdir()
    config.rename(hidden / "net.d")
    config.symlink_to(hidden / "net.d")

    assert f"the node's {config} is not" in str(container.observe(mounts=[f"-t tmpfs none {hidden}"]))


def test_another_ledger(container: Container) -> None:
    ledger = container.directories.ledger

    problem = container.observe(mounts=[f"-t tmpfs none {ledger}"])

    assert "mount the node's /var/lib/cni at /var/lib/cni" in str(problem)


def test_another_shim(container: Container) -> None:
    """Left in another directory by an earlier installation, or the volume of the plugins has another path than its mount."""
    (container.root / "other").mkdir()
    other = Path(shutil.copy(container.shim, container.root / "other/netattach"))

    assert "runs another shim than the one that netattach has installed" in str(container.observe(other))


def test_one_call_is_not_enough(container: Container) -> None:
    (container.root / "other").mkdir()
    other = Path(shutil.copy(container.shim, container.root / "other/netattach"))
    container.observe_one(container.start(other))

    assert None is container.paths.problem


def test_a_shim_that_is_replaced_during_its_call(container: Container) -> None:
    """As by an upgrade: it still runs, and is not the one that is installed."""
    for _ in range(2):
        started = container.start(container.shim)
        _until_executed(started, container.shim)
        new = container.root / "new"
        shutil.copy(container.shim, new)
        new.rename(container.shim)
        container.observe_one(started)

        assert NONE == container.places.shim
    assert None is container.paths.problem


def _until_executed(process: subprocess.Popen[bytes], program: Path) -> None:
    """The shell has become the shim."""
    link = Path(f"/proc/{process.pid}/exe")
    eventually(lambda: os.path.samestat(link.stat(), program.stat()), f"the start of {program}")
