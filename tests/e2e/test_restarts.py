"""The operator's leader ends or hangs, the API server is restarted: soon everything works again, and nothing is done twice."""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Iterator

import pytest

from e2e.lab import control
from e2e.lab.cluster import CONTROL, NODE, Cluster
from e2e.lab.nodes import NODES, LabNode
from e2e.objects import HOST_LOCAL, STATUS, config, created, links, nad, pod, wait_webhooks

TAKEN_OVER_SECONDS = 15.0
RECOVERED_SECONDS = 10.0
"""From the moment at which the API server answers again."""

OPERATOR = ("--namespace", CONTROL, "deployment/netattach-operator")
SELECTOR = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=operator")
LEASE = ("lease", "netattach-operator", CONTROL)

ON_ETH1 = config(type="macvlan", master="eth1", ipam=HOST_LOCAL)
ON_NODE2 = config(type="ipvlan", master="eth1", ipam=HOST_LOCAL)
"""Not ready on node1, whose kernel has no ipvlan: that is an Event."""


@pytest.fixture
def two(installed: Cluster) -> Iterator[Cluster]:
    """Two operators, of which one leads."""
    _scale(installed, 2)
    try:
        yield installed
    finally:
        installed.kubectl("delete", "network-attachment-definitions", "--all")
        _scale(installed, 1)


def _scale(cluster: Cluster, replicas: int) -> None:
    cluster.kubectl("scale", *OPERATOR, f"--replicas={replicas}")
    cluster.kubectl("rollout", "status", *OPERATOR, "--timeout=120s")
    cluster.eventually(
        lambda: len(cluster.objects("pods", *SELECTOR)) == replicas, "as many operators", seconds=90
    )
    cluster.eventually(lambda: _leader(cluster) in _operators(cluster), "one of them leads", seconds=60)


def _operators(cluster: Cluster) -> dict[str, str]:
    """Their nodes by name."""
    return {each["metadata"]["name"]: each["spec"]["nodeName"] for each in cluster.objects("pods", *SELECTOR)}


def _leader(cluster: Cluster) -> str:
    return str(cluster.read(*LEASE)["spec"]["holderIdentity"])


def _node_of_leader(cluster: Cluster) -> tuple[LabNode, str]:
    """The leader's node, and the process ID of its container there."""
    leader = _leader(cluster)
    node = cluster.node(_operators(cluster)[leader])
    words = f'labels."io.kubernetes.pod.name"=={leader},labels."io.kubernetes.container.name"==operator'
    known = node.sh(f"ctr -n k8s.io containers ls -q '{words}'").split()
    tasks = [line.split() for line in node.sh("ctr -n k8s.io tasks ls").splitlines() if "RUNNING" in line]
    (process,) = [number for name, number, *_ in tasks if name in known]
    return node, process


def _writes(cluster: Cluster, name: str) -> int:
    """Of the status of a network."""
    found = [
        event
        for event in cluster.audit()
        if (event.get("objectRef") or {}).get("resource") == "network-attachment-definitions"
        and event["objectRef"].get("subresource") == "status"
        and event["objectRef"].get("name") == name
        and event.get("responseStatus", {}).get("code") == 200
    ]
    return len(found)


def _reports(cluster: Cluster, name: str) -> list[tuple[str, int]]:
    """Reasons of the Events on a network, and how often each happened."""
    fields = f"involvedObject.kind=NetworkAttachmentDefinition,involvedObject.name={name}"
    found = cluster.objects("events", "--field-selector", fields)
    return sorted((each["reason"], each.get("count") or 1) for each in found)


def _create(cluster: Cluster, name: str, text: str) -> None:
    """Once the API server has all kinds again."""
    create = functools.partial(
        cluster.kubectl, "create", "-f", "-", input=json.dumps(nad(name, text)), check=False
    )
    cluster.eventually(
        lambda: create().returncode == 0, f"network {name} is created", seconds=TAKEN_OVER_SECONDS
    )


def _wait_status(cluster: Cluster, name: str, summary: str, seconds: float) -> None:
    """Until the network is ready on so many nodes."""
    started = time.monotonic()
    cluster.eventually(
        lambda: cluster.read("nad", name).get("status", {}).get("nodes", {}).get("summary") == summary,
        f"{name} is ready on {summary} nodes",
        seconds=seconds,
    )
    print(f"{name}: {time.monotonic() - started:.1f} s")  # noqa: T201  # for the report


def test_a_leader_that_is_killed(two: Cluster) -> None:
    node, process = _node_of_leader(two)
    node.sh(f"kill -KILL {process}")
    _create(two, "killed", ON_NODE2)
    _wait_status(two, "killed", "1/2", TAKEN_OVER_SECONDS)
    two.eventually(lambda: _leader(two) in _operators(two), "one leads")
    time.sleep(RECOVERED_SECONDS)

    assert 1 == _writes(two, "killed")
    assert [("NetworkNotReady", 1)] == _reports(two, "killed")


def test_a_leader_that_hangs_and_goes_on(two: Cluster) -> None:
    """The other one takes over; what the first one finds when it goes on, it must not write again."""
    before = _leader(two)
    node, process = _node_of_leader(two)
    node.sh(f"kill -STOP {process}")
    try:
        _create(two, "hung", ON_NODE2)
        _wait_status(two, "hung", "1/2", TAKEN_OVER_SECONDS)
        assert before != _leader(two)
    finally:
        node.sh(f"kill -CONT {process}")
    time.sleep(RECOVERED_SECONDS)
    assert before != _leader(two)
    assert 1 == _writes(two, "hung")
    assert [("NetworkNotReady", 1)] == _reports(two, "hung")

    patch = json.dumps({"spec": {"config": ON_ETH1}})
    two.kubectl("patch", "nad", "hung", "--type=merge", f"--patch={patch}")
    _wait_status(two, "hung", "2/2", RECOVERED_SECONDS)
    time.sleep(RECOVERED_SECONDS)
    assert 2 == _writes(two, "hung")
    assert [("NetworkNotReady", 1), ("NetworkReady", 1)] == _reports(two, "hung")


def _containers(cluster: Cluster) -> dict[str, tuple[str, int]]:
    """ID and restarts of each container of ours."""
    found = {}
    for namespace in (CONTROL, NODE):
        for body in cluster.objects("pods", "--namespace", namespace):
            for each in body["status"].get("containerStatuses", ()):
                name = f"{body['metadata']['name']}/{each['name']}"
                found[name] = each.get("containerID", ""), each["restartCount"]
    return found


@contextlib.contextmanager
def _spare(node: LabNode) -> Iterator[str]:
    """An interface that the node did not have."""
    node.sh("ip link add spare7 type veth peer name spare7p && ip link set spare7 up")
    try:
        yield "spare7"
    finally:
        node.result("ip link delete spare7")


def _reported(cluster: Cluster, node: str, interface: str) -> bool:
    status = cluster.read("nodenetworkinventory", node)["status"]
    return interface in [each["name"] for each in status["interfaces"]]


def _is_attached(cluster: Cluster, name: str) -> bool:
    return STATUS in cluster.read("pod", name)["metadata"].get("annotations", {})


def test_all_programs_recover_by_themselves_when_the_api_server_is_restarted(installed: Cluster) -> None:
    wait_webhooks(installed)
    before = _containers(installed)
    refused = functools.partial(installed.kubectl, "create", "-f", "-", check=False)
    try:
        with _spare(installed.node("node1")) as spare:
            control.stop_api()
            down = time.monotonic()
            control.start_api()
            up = time.monotonic()
            deadline = up + RECOVERED_SECONDS

            assert "denied the request" in refused(input=json.dumps(nad("broken", "{"))).stderr
            _create(installed, "restarted", ON_ETH1)
            installed.eventually(
                lambda: (
                    installed.read("nad", "restarted").get("status", {}).get("nodes", {}).get("ready") == 2
                ),
                f"its status, after {up - down:.1f} s without an API server",
                seconds=deadline - time.monotonic(),
            )
            status = time.monotonic() - up
            installed.eventually(
                lambda: _reported(installed, "node1", spare),
                "the inventory",
                seconds=deadline - time.monotonic(),
            )
            inventory = time.monotonic() - up
        print(f"down {up - down:.1f} s, status after {status:.1f} s, inventory after {inventory:.1f} s")  # noqa: T201  # for the report
        _restart_kubelets(installed)
        created(installed, *(pod(f"after-{name}", "restarted", node=name) for name in NODES))
        for name in NODES:
            installed.wait_ready(f"after-{name}")
            installed.eventually(functools.partial(_is_attached, installed, f"after-{name}"), "its status")
            assert ["lo", "eth0", "net1"] == links(installed, f"after-{name}")
        assert before == _containers(installed)
    finally:
        installed.kubectl("delete", "pods,network-attachment-definitions", "--all", "--grace-period=1")


def _restart_kubelets(cluster: Cluster) -> None:
    """They connect again after up to a minute."""
    for node in NODES.values():
        node.kill("kubelet")
        node.start_again("kubelet")
    for name in NODES:
        words = ("get", "--raw", f"/api/v1/nodes/{name}/proxy/healthz")
        cluster.eventually(
            lambda words=words: cluster.kubectl(*words, check=False).returncode == 0,  # type: ignore[misc]  # mypy infers no type
            f"{name}'s kubelet answers",
        )
