"""The previous release and this one on one node: shims and daemons of both, and pods that the other one attached.

In an upgrade, the new shim is installed before the new daemon starts; a rollback is the same in reverse. In between, the shim of
one release meets the daemon of the other, or the other's files while there is no daemon.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from netattach_core.cni import netattach_conf
from support import previous_release
from support.node import CnitoolNode, NodePod
from support.waiting import PATIENCE, eventually

OLD, NEW = "old", "new"
RELEASES = (OLD, NEW)
SWITCHES = [(OLD, NEW), (NEW, OLD)]
NAMES = ("upgrade", "rollback")

LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.119",
}
NETWORKS: dict[str, dict[str, Any]] = {
    "data": {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN},
    "chain": {
        "cniVersion": "1.0.0",
        "plugins": [
            {"type": "bridge", "bridge": "mybr0", "ipam": {**LAN, "subnet": "10.0.4.0/24", "rangeStart": "10.0.4.10",
                                                           "rangeEnd": "10.0.4.19"}},
            {"type": "tuning", "mtu": 1400},
        ],
    },
}  # fmt: skip  # two networks
BOTH = "data,chain"


_WORKERS = 4


class Node(CnitoolNode):
    """A node on which each release can be installed."""

    def use_shim(self, release: str) -> None:
        installed = self.stage.paths.bin_dir / netattach_conf.TYPE
        new = installed.with_name(".netattach.new")
        new.symlink_to(previous_release.shim() if release == OLD else self.stage.paths.shim)
        new.rename(installed)

    @contextlib.contextmanager
    def daemon(self, release: str) -> Iterator[Any]:
        with ExitStack() as stack:
            if release == OLD:
                stack.enter_context(previous_release.programs())
            yield stack.enter_context(self.stage.daemon())

    @contextlib.contextmanager
    def running(self, release: str) -> Iterator[Any]:
        """The shim and the daemon of a release."""
        self.use_shim(release)
        with self.daemon(release) as process:
            yield process


@pytest.fixture(scope="module")
def stage(places: NodePaths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoNode]:
    previous_release.shim()
    own = NodePaths(tmp_path_factory.mktemp("releases") / "stage", places.plugins, places.shim)
    with demo_node.build(own) as built:
        yield built


@pytest.fixture
def node(stage: DemoNode, cnitool: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setenv("NETATTACH_WAIT_MS", f"{PATIENCE * 1000:.0f}")
    node = Node(stage, cnitool)
    for name, body in NETWORKS.items():
        node.create_nad(name, body)
    yield node
    assert {} == {kind: left for kind, left in node.leftovers().items() if left}


def _has_all(node: Node, pod: NodePod) -> bool:
    """In the kernel, and in its network-status."""
    entries = {entry["interface"]: entry["ips"] for entry in node.status(pod)}
    attached = {name: [each.split("/")[0] for each in node.addresses(pod, name)] for name in entries}
    return {"eth0", "net1", "net2"} == set(entries) and entries == attached and node.pings(pod, "10.0.3.1")


def test_the_programs_are_those_of_the_releases(node: Node) -> None:
    """Else the other tests would compare this release with itself."""
    log = node.stage.paths.root / "daemon.log"
    for release, line in (
        (OLD, "INFO netattach_plugin.server: DEL"),
        (NEW, 'INFO netattach_plugin.calls.server "DEL'),
    ):
        log.write_text("")
        with node.running(release), node.pod(BOTH) as pod:
            node.add(pod)
            node.delete(pod)
        assert line in log.read_text()
    assert previous_release.shim().read_bytes() != node.stage.paths.shim.read_bytes()


@pytest.mark.parametrize(("shim", "daemon"), SWITCHES, ids=["old shim, new daemon", "new shim, old daemon"])
def test_a_shim_and_a_daemon_of_two_releases(node: Node, shim: str, daemon: str) -> None:
    node.use_shim(shim)
    with node.daemon(daemon), node.pod(BOTH) as pod, node.pod() as plain:
        for each in (pod, plain):
            node.add(each)
            checked = node.call("check", each)
            assert 0 == checked.returncode, checked.stderr
        assert _has_all(node, pod)
        assert ["lo", "eth0"] == node.link_names(plain)
        for each in (pod, plain):
            node.delete(each)


@pytest.mark.parametrize(("before", "after"), SWITCHES, ids=NAMES)
def test_pods_that_the_other_release_attached_are_released(node: Node, before: str, after: str) -> None:
    with node.pod(BOTH) as pod, node.pod() as plain:
        with node.running(before):
            for each in (pod, plain):
                node.add(each)
        with node.running(after):
            assert _has_all(node, pod)
            checked = node.call("check", pod)
            assert 0 == checked.returncode, checked.stderr
            for each in (pod, plain):
                node.delete(each)
            assert [] == node.ledger_entries()


@pytest.mark.parametrize(("before", "after"), SWITCHES, ids=NAMES)
def test_the_shim_releases_them_without_a_daemon(
    node: Node, before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new shim is there, and the new daemon is not yet: it reads what the former daemon has compiled."""
    with node.pod(BOTH) as pod, node.pod() as plain:
        with node.running(before):
            node.add(pod)
            node.add(plain)
        node.use_shim(after)
        monkeypatch.setenv("NETATTACH_WAIT_MS", "50")
        for each in (pod, plain):
            node.delete(each)
        with node.pod() as later:
            node.add(later)
            node.delete(later)
        monkeypatch.setenv("NETATTACH_WAIT_MS", f"{PATIENCE * 1000:.0f}")
        with node.running(after):
            pass


@pytest.mark.parametrize(("before", "after"), SWITCHES, ids=NAMES)
def test_pods_of_a_daemon_that_was_killed_are_released(node: Node, before: str, after: str) -> None:
    """It could not prepare its ledger for the other release."""
    with node.pod(BOTH) as pod:
        with node.running(before) as process:
            node.add(pod)
            process.send_signal(signal.SIGKILL)
            process.wait()
        with node.running(after):
            node.delete(pod)
            assert [] == node.ledger_entries()


class Load:
    """Workers that start and stop pods with two networks, until the end of `running`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._stop = threading.Event()
        self._counted = threading.Lock()
        self.pods = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Raises what a worker has raised."""
        with ThreadPoolExecutor(_WORKERS) as threads:
            workers = [threads.submit(self._work) for _ in range(_WORKERS)]
            try:
                yield
            finally:
                self._stop.set()
        for worker in workers:
            worker.result()

    def wait_for(self, more: int) -> None:
        """Until so many more pods have come and gone, or a worker has failed."""
        for wanted in range(
            self.pods + 1, self.pods + more + 1
        ):  # each is given time, however slow the machine is
            eventually(lambda wanted=wanted: self.pods >= wanted or self._stop.is_set(), "one more pod")  # type: ignore[misc]  # a default binds it

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                with self._node.pod(BOTH) as pod:
                    self._node.add(pod)
                    assert _has_all(self._node, pod)
                    self._node.delete(pod)
                with self._counted:
                    self.pods += 1
        except BaseException:
            self._stop.set()
            raise


@pytest.mark.parametrize(("before", "after"), SWITCHES, ids=NAMES)
def test_pods_start_and_stop_while_one_release_replaces_the_other(
    node: Node, before: str, after: str
) -> None:
    """A hundred, in the order of a rollout: the shim by the init container, then the daemon, whose calls end first."""
    load = Load(node)
    with node.pod(BOTH) as kept:
        with ExitStack() as stack:
            with node.running(before):
                node.add(kept)
                stack.enter_context(load.running())
                load.wait_for(25)
                node.use_shim(after)
                load.wait_for(25)
            with node.daemon(after):
                load.wait_for(50)
                stack.close()
                assert _has_all(node, kept)
                node.delete(kept)
        assert [] == node.ledger_entries()
