"""The daemon is killed before and after each of its side effects: nothing is left, and no failure is reported as a success."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import NodePaths
from support.faults import FaultyDaemon, processes_of, state
from support.node import CnitoolNode, NodePod
from support.waiting import eventually

LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.200",
}
SECOND: dict[str, Any] = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}
ATTACHED = {
    "second": ["lo", "eth0", "net1"],
    "one,two": ["lo", "eth0", "net1", "net2"],
    "nic": ["lo", "eth0", "net1"],
}

"""The links of a pod by the networks that it selects: that of a program, two of native drivers, an interface of the node."""

NETWORKS = ["second", "one,two"]
_NAMES = {name for names in ATTACHED.values() for name in names}
FEWEST_POINTS = {"add": 20, "del": 10}


@dataclass
class Killed:
    """A node and its daemon; `clean` is the state of the node without pods."""

    node: CnitoolNode
    daemon: FaultyDaemon
    clean: object = None
    survived: bool = False


@pytest.fixture(scope="module")
def killed(places: NodePaths, cnitool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    """For all tests here, none of which leaves anything."""
    root = tmp_path_factory.mktemp("faults")
    with demo_node.build(NodePaths(root / "stage", places.plugins, places.shim)) as built:
        node, daemon = CnitoolNode(built, cnitool), FaultyDaemon(built, root)
        node.create_nad("second", {**SECOND, "note": "no driver knows this key"})
        node.create_nad("one", SECOND)
        node.create_nad("two", SECOND)
        node.create_nad("nic", {"cniVersion": "1.0.0", "type": "host-device", "device": "nic0", "ipam": LAN})
        with daemon.running(NETATTACH_SWEEP_AFTER="0.2"):
            with node.pod("one") as pod:  # the bridge of the default network, the leases' directories
                node.add(pod)
                node.delete(pod)
            yield Killed(node, daemon, state(node))


def _call(killed: Killed, verb: str, pod: NodePod, point: int) -> tuple[bool, list[str]]:
    """A call during which the daemon dies at the point: whether it succeeded, and the points that were reached."""
    killed.daemon.die_at(point)
    done = killed.node.call(verb, pod)
    reached = killed.daemon.disarm(fewest=point)
    killed.survived = len(reached) < point
    return done.returncode == 0, reached


def _deaths(killed: Killed, verb: str) -> Iterator[int]:
    """One point after the other, until the daemon survives a call."""
    killed.survived = False
    for point in itertools.count(1):
        if killed.survived:
            assert point > FEWEST_POINTS[verb]
            return
        yield point


def _nothing_is_left(killed: Killed) -> None:
    """Nor does any process run."""
    eventually(lambda: state(killed.node) == killed.clean)
    eventually(lambda: not processes_of(f"CNI_PATH={killed.node.stage.paths.bin_dir}"))


def _is_whole(killed: Killed, pod: NodePod, networks: str) -> None:
    """After a success every network is attached, and the status is written."""
    assert ATTACHED[networks] == killed.node.link_names(pod)
    eventually(lambda: killed.node.status_text(pod) is not None)
    assert ATTACHED[networks][1:] == [entry["interface"] for entry in killed.node.status(pod)]


def _points(killed: Killed, verb: str, networks: str) -> list[str]:
    with killed.node.pod(networks) as pod:
        if verb == "del":
            killed.node.add(pod)
        succeeded, points = _call(killed, verb, pod, 0)
        assert succeeded
        if verb == "add":
            killed.node.delete(pod)
    return points


def test_there_are_many_points_to_die_at(killed: Killed) -> None:
    """The points cover the disk, the plugins, the kernel, the API and the answer."""
    points = _points(killed, "add", "second")

    assert len(points) >= FEWEST_POINTS["add"]
    assert {"fsync", "RUN macvlan", "RAN", "look at links", "status", "ANSWER"} <= {
        point.partition(" ")[2] for point in points
    }
    assert {"RUN macvlan", "RAN", "remove", "ANSWER"} <= {
        point.partition(" ")[2] for point in _points(killed, "del", "second")
    }


def test_there_are_points_around_all_that_native_drivers_do(killed: Killed) -> None:
    """Their netlink requests, the sysctls and the leases."""
    created = _points(killed, "add", "one,two")
    deleted = [point.partition(" ")[2] for point in _points(killed, "del", "one,two")]

    assert [
        3,
        6,
        1,
        1,
        3,
    ] == [  # each link is created and set up, also the default network's; all sysctls are in one frame
        created.count(f"before {what}")
        for what in ("RTM_NEWADDR request", "RTM_NEWLINK request", "SYSCTLS", "ERRNOS", "lease")
    ]
    assert {"RTM_DELLINK request", "release", "remove", "ANSWER"} <= set(deleted)


@pytest.mark.parametrize("networks", NETWORKS)
@pytest.mark.parametrize("verb", ["add", "del"])
def test_a_daemon_killed_anywhere_and_a_del_of_the_runtime(killed: Killed, verb: str, networks: str) -> None:
    """Every runtime calls DEL after a failed ADD. It succeeds, and nothing is left."""
    for point in _deaths(killed, verb):
        with killed.node.pod(networks) as pod:
            if verb == "del":
                killed.node.add(pod)
            succeeded, _ = _call(killed, verb, pod, point)
            if succeeded and verb == "add":
                _is_whole(killed, pod, networks)
            if succeeded and verb == "del":
                _nothing_is_left(killed)
            killed.node.delete(pod)
            # an interface that a killed plugin has not named yet is deleted with the namespace
            assert ["lo"] == [name for name in killed.node.link_names(pod) if name in _NAMES]
        _nothing_is_left(killed)


@pytest.mark.parametrize("verb", ["add", "del"])
def test_a_daemon_killed_anywhere_while_an_interface_is_moved(killed: Killed, verb: str) -> None:
    """DEL of host-device fails without the interface: the pod can be deleted nevertheless, and its address is released."""
    for point in _deaths(killed, verb):
        with _interface(killed.node), killed.node.pod("nic") as pod:
            if verb == "del":
                killed.node.add(pod)
            succeeded, _ = _call(killed, verb, pod, point)
            if succeeded and verb == "add":
                _is_whole(killed, pod, "nic")
            eventually(
                lambda: killed.node.call("del", pod).returncode == 0
            )  # without the daemon it fails, and is retried
            assert [] == killed.node.leases()
            assert ["lo"] == [name for name in killed.node.link_names(pod) if name in _NAMES]
        _nothing_is_left(killed)


def test_a_status_that_could_not_be_written_is_written_after_a_restart(killed: Killed) -> None:
    """From the ledger, as at the ADD."""
    node = killed.node
    with node.pod("second") as pod:
        path = node.stage.paths.store / "pods" / pod.namespace / f"{pod.name}.json"
        body = path.read_text()
        path.write_text("{")
        node.add(pod)
        path.write_text(body)
        assert None is node.status_text(pod)

        killed.daemon.die()

        _is_whole(killed, pod, "second")
        node.delete(pod)
    _nothing_is_left(killed)


@contextlib.contextmanager
def _interface(node: CnitoolNode) -> Iterator[None]:
    """An interface to be moved into a pod; the kernel deletes it with the pod where it was not moved back."""
    node.stage.run("ip", "link", "add", "nic0", "type", "veth", "peer", "name", "nic1")
    try:
        yield
    finally:
        node.stage.run("ip", "link", "delete", "nic1", check=False)


@pytest.mark.parametrize("networks", NETWORKS)
@pytest.mark.parametrize("verb", ["add", "del"])
def test_a_daemon_killed_anywhere_and_a_runtime_that_never_calls_del(
    killed: Killed, verb: str, networks: str
) -> None:
    """It removes the namespace and forgets the sandbox. Calls for other pods clean up."""
    for point in _deaths(killed, verb):
        with killed.node.pod(networks) as pod:
            if verb == "del":
                killed.node.add(pod)
            succeeded, _ = _call(killed, verb, pod, point)
            if succeeded and verb == "add":
                _is_whole(killed, pod, networks)
                killed.node.delete(pod)
        forget_runtimes_cache(killed.node)
        eventually(lambda: _another_call_cleans_up(killed))
        _nothing_is_left(killed)


def _another_call_cleans_up(killed: Killed) -> bool:
    with killed.node.pod("one") as other:
        killed.node.add(other)
        killed.node.delete(other)
    return state(killed.node) == killed.clean


def forget_runtimes_cache(node: CnitoolNode) -> None:
    """Deletes libcni's cache, as a runtime that has forgotten its sandboxes."""
    for path in (node.stage.paths.var_lib_cni / "results").glob("*"):
        path.unlink()
