"""Static pods with networks, pods in the node's own network, and pods of system namespaces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import (
    HOST_LOCAL,
    STATUS,
    address,
    config,
    created,
    leftovers,
    links,
    nad,
    pings,
    pod,
    status,
)

SECOND = nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL))
NAME = "wired-node1"
"""The mirror pod's: the kubelet adds the node's name."""


@pytest.fixture
def second(installed: Cluster) -> Iterator[Cluster]:
    """With a network; nothing may be left after the test."""
    created(installed, SECOND)
    yield installed
    installed.node("node1").remove_static_pod("wired")
    installed.eventually(lambda: not installed.exists("pod", NAME), "the static pod is gone", seconds=90)
    installed.kubectl("delete", "pods,network-attachment-definitions", "--all")
    installed.eventually(lambda: not any(leftovers(installed, "node1").values()), "everything is released")


def static_pod(networks: str) -> str:
    """A file for the kubelet, which adds the node itself."""
    body: dict[str, Any] = pod("wired", networks)
    del body["spec"]["nodeName"]
    return json.dumps(body)


def test_a_static_pod_gets_its_networks_and_its_status(second: Cluster) -> None:
    """Its UID in the runtime differs from that in the API."""
    second.node("node1").write_static_pod("wired", static_pod("second"))
    second.eventually(lambda: second.exists("pod", NAME), "its mirror pod in the API", seconds=90)
    second.wait_ready(NAME)

    assert ["lo", "eth0", "net1"] == links(second, NAME)
    assert pings(second, NAME, "10.0.3.1")
    second.eventually(lambda: STATUS in second.read("pod", NAME)["metadata"]["annotations"], "its status")
    assert address(second, NAME, "net1") == status(second, NAME)[1]["ips"][0] + "/24"


def test_a_static_pod_whose_file_is_removed_leaves_nothing(second: Cluster) -> None:
    """Also while the API server is down."""
    node = second.node("node1")
    node.write_static_pod("wired", static_pod("second"))
    second.eventually(lambda: second.exists("pod", NAME), "its mirror pod in the API", seconds=90)
    second.wait_ready(NAME)
    with second.api_down():
        node.remove_static_pod("wired")
        second.eventually(lambda: node.sandboxes(NAME) == [], "the sandbox is gone", seconds=90)
        second.eventually(lambda: not any(leftovers(second, "node1").values()), "everything is released")


def test_a_pod_in_the_nodes_network_is_left_alone(second: Cluster) -> None:
    """No runtime calls a plugin for it: it starts with the node's interfaces; kubectl warns that the annotation has no effect."""
    body = pod("host", "second")
    body["spec"]["hostNetwork"] = True
    output = created(second, body)
    second.wait_ready("host")

    assert "hostNetwork" in output
    assert "net1" not in links(second, "host")
    assert STATUS not in second.read("pod", "host")["metadata"]["annotations"]


def test_a_pod_of_a_system_namespace_gets_its_networks(second: Cluster) -> None:
    """And may ask for networks of another namespace like any other pod."""
    created(second, pod("system", "default/second", namespace="kube-system"))
    second.wait_ready("system", "kube-system")

    assert ["lo", "eth0", "net1"] == links(second, "system", "kube-system")
    assert ["eth0", "net1"] == [entry["interface"] for entry in status(second, "system", "kube-system")]
    second.kubectl("delete", "pod", "system", "--namespace", "kube-system")
