"""From the previous release to this one and back, by `kubectl apply -k`, while pods start and stop on both nodes.

Each pod looks for its networks itself, as its first act, and fails where one is missing.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from e2e.lab.cluster import CONTROL, NODE, Cluster
from e2e.lab.places import REPOSITORY
from e2e.objects import STATUS, address, config, created, leftovers, links, nad, pings, pod
from support import previous_release

pytestmark = pytest.mark.soak  # two releases, four rollouts and 200 pods, on an emulated machine too

NODES = {"node1": 100, "node2": 150}
"""The first host number of each node's addresses: the nodes share a switch, and do not know each other's leases."""

PODS = 100
"""Pods that start while one release replaces the other."""

_BATCHES = {"node1": 4, "node2": 1}
"""Pods that start at once on each node; node2 is an emulated machine, and slow."""

_LOOK = (
    "for each in eth0 net1 net2; do ip -4 -o addr show dev $each | grep -q inet || exit 1; done; "
    "trap 'exit 0' TERM; sleep 1000000 & wait"
)


def _ipam(subnet: str, node: str) -> dict[str, Any]:
    first = NODES[node]
    ends = {"rangeStart": f"{subnet}.{first}", "rangeEnd": f"{subnet}.{first + 49}"}
    return {"type": "host-local", "subnet": f"{subnet}.0/24", **ends}


def _networks(node: str) -> Iterator[dict[str, Any]]:
    yield nad(f"data-{node}", config(type="macvlan", master="eth1", ipam=_ipam("10.0.3", node)))
    bridge = {"type": "bridge", "bridge": "mybr0", "ipam": _ipam("10.0.4", node)}
    chain = {"cniVersion": "1.0.0", "plugins": [bridge, {"type": "tuning", "mtu": 1400}]}
    yield nad(f"chain-{node}", json.dumps(chain))


def _with_both(name: str, node: str) -> dict[str, Any]:
    return pod(name, f"data-{node},chain-{node}", node=node)


def _looking(name: str, node: str) -> dict[str, Any]:
    body = _with_both(name, node)
    body["spec"]["restartPolicy"] = "Never"
    body["spec"]["containers"][0]["command"] = ["sh", "-c", _LOOK]
    return body


def _has_status(body: dict[str, Any]) -> bool:
    """An API server that is busy gets it a little later."""
    text = body["metadata"]["annotations"].get(STATUS, "[]")
    return ["eth0", "net1", "net2"] == [entry["interface"] for entry in json.loads(text)]


class Load:
    """Batches of pods of a node that start and stop until `stop`; `problems` are those that did not have their networks."""

    def __init__(self, cluster: Cluster, name: str, node: str) -> None:
        self._cluster = cluster
        self._name = f"{name}-{node}"
        self._node = node
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"load {self._name}")
        self.started = 0
        self.problems: list[str] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def _run(self) -> None:
        batches: list[list[str]] = []
        try:
            for number in itertools.count():
                if self._stop.is_set():
                    break
                batches.append(self._start(number))
                if len(batches) > 1:
                    self._delete(batches.pop(0))
        except Exception as error:  # noqa: BLE001  # for the thread that waits for this one
            self.problems.append(repr(error))
        for batch in batches:
            self._delete(batch)

    def _start(self, number: int) -> list[str]:
        names = [f"{self._name}-{number}-{index}" for index in range(_BATCHES[self._node])]
        created(self._cluster, *(_looking(name, self._node) for name in names))
        ready = ("wait", "--for=condition=Ready", "--timeout=240s", *(f"pod/{name}" for name in names))
        if self._cluster.kubectl(*ready, check=False).returncode:
            for name in names:
                self._cluster.wait_ready(name, seconds=1)  # raises with the reason
        self._cluster.eventually(
            lambda: all(map(_has_status, self._cluster.objects("pods", *names))), "their network-status"
        )
        self.started += len(names)
        return names

    def _delete(self, names: list[str]) -> None:
        for each in self._cluster.objects("pods", *names):
            if each["status"]["phase"] != "Running":
                self.problems.append(f"{each['metadata']['name']} has ended")
        self._cluster.kubectl("delete", "pods", *names, "--wait=false")


@pytest.fixture
def previous(cluster: Cluster, image: Path) -> Iterator[Cluster]:
    """With the previous release installed, and afterwards with this one, for other tests."""
    cluster.load(previous_release.image())
    cluster.load(image)
    if cluster.installed:
        cluster.uninstall()
    cluster.apply(previous_release.source() / "deploy")
    created(cluster, *(each for node in NODES for each in _networks(node)))
    try:
        yield cluster
    finally:
        cluster.kubectl("delete", "pods,network-attachment-definitions", "--all", check=False)
        cluster.install()


def _switch(cluster: Cluster, name: str, to: str) -> None:
    """Installs a release while pods start and stop; ends after so many pods."""
    deploy = REPOSITORY / "deploy" if to == "new" else previous_release.source() / "deploy"
    loads = [Load(cluster, name, node) for node in NODES]
    with ExitStack() as stack:
        for load in loads:
            stack.enter_context(load.running())

        def progress(pods: int, *, each: bool = False) -> bool:
            started = [load.started for load in loads]
            return bool(_problems(loads)) or (min(started) if each else sum(started)) >= pods

        cluster.eventually(lambda: progress(1, each=True), "the first pods of each node", seconds=240)
        before = [load.started for load in loads]
        cluster.apply(deploy, seconds=240)
        cluster.eventually(lambda: progress(PODS), "enough pods", seconds=400)
    assert [] == _problems(loads)
    assert all(load.started > first for load, first in zip(loads, before, strict=True))


def _problems(loads: list[Load]) -> list[str]:
    return [problem for load in loads for problem in load.problems]


def _versions(cluster: Cluster) -> set[str]:
    """Of the images of all programs."""
    return {
        container["image"].rpartition(":")[2]
        for namespace in (CONTROL, NODE)
        for each in cluster.objects("pods", "--namespace", namespace)
        if "deletionTimestamp" not in each["metadata"]
        for container in each["spec"]["containers"]
    }


def _started(cluster: Cluster, release: str) -> dict[str, str]:
    """A pod with both networks and one without on each node; the address of each one's net1."""
    names = [f"{release}-{node}" for node in NODES]
    created(
        cluster,
        *(_with_both(f"{release}-{node}", node) for node in NODES),
        *(pod(f"{release}-plain-{node}", node=node) for node in NODES),
    )
    for name in (*names, *(f"{release}-plain-{node}" for node in NODES)):
        cluster.wait_ready(name)
    return {name: address(cluster, name, "net1") for name in names}


def _keep_their_networks(cluster: Cluster, addresses: dict[str, str]) -> None:
    for name, net1 in addresses.items():
        assert ["lo", "eth0", "net1", "net2"] == links(cluster, name)
        assert net1 == address(cluster, name, "net1")
        assert pings(cluster, name, "10.0.3.1")


def _are_released(cluster: Cluster) -> None:
    cluster.kubectl("delete", "pods", "--all", "--timeout=180s")
    cluster.eventually(
        lambda: not any(leftovers(cluster, node) for node in NODES), "nothing is left of any pod"
    )


def test_upgrade_and_rollback_under_load(previous: Cluster) -> None:
    assert {"0.1.0"} == _versions(previous)
    of_the_old = _started(previous, "old")

    _switch(previous, "upgrade", to="new")

    assert {"0.2.0"} == _versions(previous)
    _keep_their_networks(previous, of_the_old)
    _are_released(previous)
    of_the_new = _started(previous, "new")

    _switch(previous, "rollback", to="old")

    assert {"0.1.0"} == _versions(previous)
    _keep_their_networks(previous, of_the_new)
    _are_released(previous)
    _policies_that_are_left_do_no_harm(previous)


def _policies_that_are_left_do_no_harm(cluster: Cluster) -> None:
    """The previous release does not have them, so its manifests do not remove them; they limit what its programs write."""
    assert cluster.exists("validatingadmissionpolicy", "netattach-daemon-events")
    created(cluster, nad("after", config(type="macvlan", master="eth1")))
    cluster.eventually(lambda: _is_valid(cluster, "after"), "the operator serves")
    for name in _started(cluster, "after"):
        cluster.eventually(lambda name=name: cluster.events(name, "AddedInterface"), "the Events of a pod")  # type: ignore[misc]  # a default binds it
    _are_released(cluster)


def _is_valid(cluster: Cluster, name: str) -> bool:
    conditions = cluster.read("nad", name).get("status", {}).get("conditions", [])
    return any(each["type"] == "Valid" and each["status"] == "True" for each in conditions)
