"""The cluster itself, without our programs: what the other tests rely on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import address, created, pod

NODES = ("node1", "node2")


@pytest.fixture(scope="module")
def pods(cluster: Cluster) -> Iterator[Cluster]:
    """A pod on each node, in a namespace of their own, that answers on a port of its node."""
    cluster.kubectl("wait", "--for=delete", "namespace/lab", "--timeout=120s")  # an earlier run's
    cluster.kubectl("create", "namespace", "lab")
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "--namespace", "lab")
    for name in NODES:
        body = pod(f"on-{name}", node=name, namespace="lab")
        (container,) = body["spec"]["containers"]
        container["command"] = ["nc", "-ll", "-p", "8080", "-e", "echo", name]
        container["ports"] = [{"containerPort": 8080, "hostPort": 18080}]
        created(cluster, body)
    for name in NODES:
        cluster.wait_ready(f"on-{name}", "lab")
    yield cluster
    cluster.kubectl("delete", "namespace", "lab", "--wait=false")


@pytest.mark.parametrize(("one", "other"), [("node1", "node2"), ("node2", "node1")])
def test_pods_of_both_nodes_reach_each_other(pods: Cluster, one: str, other: str) -> None:
    to = address(pods, f"on-{other}", "eth0", "lab").partition("/")[0]
    words = ("exec", "--namespace", "lab", f"on-{one}", "--", "ping", "-c", "1", "-W", "5", to)

    assert "1 packets received" in pods.kubectl(*words).stdout


@pytest.mark.parametrize("from_node", NODES)
def test_the_api_servers_service_is_reached_from_pods_of_both_nodes(pods: Cluster, from_node: str) -> None:
    words = (
        "exec",
        "--namespace",
        "lab",
        f"on-{from_node}",
        "--",
        "nc",
        "-w",
        "5",
        "10.96.0.1",
        "443",
        "-e",
        "true",
    )

    assert 0 == pods.kubectl(*words, check=False).returncode


@pytest.mark.parametrize(("one", "other"), [("node1", "node2"), ("node2", "node1")])
def test_a_host_port_reaches_its_pod(pods: Cluster, one: str, other: str) -> None:
    ask = f"busybox nc -w 5 {pods.node(other).address} 18080 </dev/null"

    assert f"{other}\n" == pods.node(one).sh(ask)


@pytest.mark.parametrize("name", ["node1", pytest.param("node2", marks=pytest.mark.soak)])
def test_a_node_comes_back_from_a_loss_of_power_with_its_pods(pods: Cluster, name: str) -> None:
    before = pods.read("pod", f"on-{name}", "lab")["metadata"]["uid"]
    pods.reboot(name)
    words = ("exec", "--namespace", "lab", f"on-{name}", "--", "true")
    pods.eventually(lambda: pods.kubectl(*words, check=False).returncode == 0, "the pod runs", every=1)

    assert before == pods.read("pod", f"on-{name}", "lab")["metadata"]["uid"]


def test_nodes_differ_in_their_kernels_and_share_the_switch(cluster: Cluster) -> None:
    kernels = {name: cluster.node(name).sh("uname -r") for name in NODES}

    assert kernels["node1"] != kernels["node2"]
    for name in NODES:
        assert {"eth0", "eth1"} <= set(cluster.node(name).sh("ls /sys/class/net").split())
    assert "1 received" in cluster.node("node1").sh("ping -c 1 -W 5 -I eth1 10.0.3.12")


def test_a_script_that_fails_on_a_node_is_an_error(cluster: Cluster) -> None:
    for name in NODES:
        with pytest.raises(RuntimeError, match=r"exit 3: 3\nout\nerr"):
            cluster.node(name).sh("echo out; echo err >&2; exit 3")


def test_requests_are_in_the_audit_log(cluster: Cluster) -> None:
    cluster.kubectl("get", "namespaces", "--field-selector", "metadata.name=looked-for")

    assert any("looked-for" in event["requestURI"] for event in cluster.audit())


def test_the_api_server_is_stopped_and_started(cluster: Cluster) -> None:
    with cluster.api_down():
        assert 0 != cluster.kubectl("get", "nodes", check=False).returncode
    assert 2 == len(json.loads(cluster.kubectl("get", "nodes", "--output=json").stdout)["items"])
