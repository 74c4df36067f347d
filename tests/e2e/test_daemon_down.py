"""Without a daemon: pods without secondary networks start, others wait for it, and nothing is left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from e2e.daemons import DAEMON, NODES, daemon_down
from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, address, config, created, leftovers, links, nad, pings, pod

AWAY = 300.0 if os.environ.get("NETATTACH_SOAK") else 0.0
"""Seconds for which it is down at least."""

WAIT = 25.0
"""Seconds; less than the shim's wait for a daemon, and more than pods on a busy machine differ."""


@pytest.fixture
def running(installed: Cluster) -> Iterator[Cluster]:
    """A network, and a pod with it on each node."""
    created(installed, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    created(installed, *(pod(f"old-{name}", "second", node=name) for name in NODES))
    for name in NODES:
        installed.wait_ready(f"old-{name}")
    yield installed
    installed.kubectl("delete", "pods,network-attachment-definitions", "--all")
    installed.eventually(
        lambda: not any(leftovers(installed, name) for name in NODES), "everything is released"
    )


def _with_port(name: str, node: str) -> dict[str, Any]:
    body = pod(name, node=node)
    (container,) = body["spec"]["containers"]
    container["command"] = ["nc", "-ll", "-p", "8080", "-e", "echo", name]
    container["ports"] = [{"containerPort": 8080, "hostPort": 18081}]
    return body


def _seconds_to_start(cluster: Cluster, name: str, node: str) -> float:
    """For a pod with a host port, which answers; the pod is deleted again."""
    began = time.monotonic()
    created(cluster, _with_port(name, node))
    cluster.wait_ready(name)
    seconds = time.monotonic() - began
    assert ["lo", "eth0"] == links(cluster, name)
    other = next(each for each in NODES if each != node)
    asked = f"busybox nc -w 5 {cluster.node(node).address} 18081 </dev/null"
    assert f"{name}\n" == cluster.node(other).sh(asked)
    cluster.kubectl("delete", "pod", name)
    return seconds


def _seconds_to_start_on_each(cluster: Cluster, name: str) -> dict[str, float]:
    """On all nodes at once, one pod each."""
    with ThreadPoolExecutor() as threads:
        seconds = threads.map(lambda node: _seconds_to_start(cluster, f"{name}-{node}", node), NODES)
        return dict(zip(NODES, seconds, strict=True))


def _ready(cluster: Cluster) -> dict[str, str]:
    nodes = cluster.objects("nodes")
    return {
        node["metadata"]["name"]: condition["status"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    }


def test_pods_without_secondary_networks_start_and_others_wait(running: Cluster) -> None:
    """Pods without secondary networks start without waiting for it; pods with networks are deleted completely; new ones wait."""
    usual = _seconds_to_start_on_each(running, "usual")
    with daemon_down(running):
        ends = time.monotonic() + AWAY
        for name in NODES:
            assert "00-netattach.conflist" == running.node(name).sh("ls /etc/cni/net.d").split()[0]
        now = _seconds_to_start_on_each(running, "plain")
        assert [] == [name for name in NODES if now[name] >= usual[name] + WAIT]
        running.kubectl("delete", "pods", *(f"old-{name}" for name in NODES), "--timeout=60s")
        for name in NODES:
            assert {"leases", "links"}.isdisjoint(leftovers(running, name))
        created(running, *(pod(f"waiting-{name}", "second", node=name) for name in NODES))
        time.sleep(max(0.0, ends - time.monotonic()))
        assert dict.fromkeys(NODES, "True") == _ready(running)
        for name in NODES:
            assert "Pending" == running.read("pod", f"waiting-{name}")["status"]["phase"]

    for name in NODES:
        running.wait_ready(f"waiting-{name}", seconds=120)
        assert ["lo", "eth0", "net1"] == links(running, f"waiting-{name}")


def test_pods_that_start_while_the_daemon_is_replaced(running: Cluster) -> None:
    """A rolling upgrade under load: each pod gets its networks, whether the old daemon, the new one or none runs."""
    names = [f"new-{number}" for number in range(6)]
    running.kubectl("rollout", "restart", *DAEMON)
    for name in names:
        created(running, pod(name, "second"))
        time.sleep(0.5)
    running.kubectl("rollout", "status", *DAEMON, "--timeout=120s")
    for name in names:
        running.wait_ready(name, seconds=120)
        assert ["lo", "eth0", "net1"] == links(running, name)
    addresses = {address(running, name, "net1") for name in names}

    assert len(names) == len(addresses)
    assert pings(running, names[0], address(running, names[1], "net1").partition("/")[0])
