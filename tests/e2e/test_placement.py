"""New pods on two nodes, of which one has no ipvlan: they run where their networks are ready, with the devices for these."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, NETWORKS, config, created, nad, pod, status

DEVICE = "lab.example/port"
SPARE = "spare1"
"""An interface that a test gives to one node, then to the other."""

PLACED_WITHIN = 10
"""Seconds from the moment at which a node is ready."""


@pytest.fixture(scope="module", autouse=True)
def switched_on(installed: Cluster) -> Iterator[None]:
    created(installed, nad("probe", config(type="macvlan", master="eth1")))
    installed.patch_settings("scheduling: on\ndeviceInjection: on")
    # By each of the two webhooks: the API server asks any of them.
    installed.eventually(lambda: all(_is_changed(installed) for _ in range(6)), "the webhooks change pods")
    yield
    installed.patch_settings("")
    installed.kubectl("delete", "network-attachment-definition", "probe")


@pytest.fixture(autouse=True)
def _deleted_afterwards(installed: Cluster) -> Iterator[None]:
    yield
    installed.kubectl("delete", "replicasets,pods", "--all", "--grace-period=1")
    others = [
        each["metadata"]["name"]
        for each in installed.objects("network-attachment-definitions")
        if each["metadata"]["name"] != "probe"
    ]
    if others:
        installed.kubectl("delete", "network-attachment-definitions", *others)


def _is_changed(cluster: Cluster) -> bool:
    return "affinity" in _mutated(cluster, unplaced("probe", "probe"))["spec"]


def unplaced(name: str, networks: str) -> dict[str, Any]:
    """A pod without a node."""
    body = pod(name, networks)
    del body["spec"]["nodeName"]
    return body


def _mutated(cluster: Cluster, body: dict[str, Any]) -> dict[str, Any]:
    """The pod as it would be stored."""
    words = ("create", "--dry-run=server", "--output=json", "-f", "-")
    found: dict[str, Any] = json.loads(cluster.kubectl(*words, input=json.dumps(body)).stdout)
    return found


def _node_of(cluster: Cluster, name: str) -> str:
    return str(cluster.read("pod", name)["spec"].get("nodeName", ""))


def _labelled(cluster: Cluster, node: str, network: str) -> bool:
    """Whether the operator says that a network is not ready there."""
    labels = cluster.read("node", node)["metadata"]["labels"]
    return f"default.{network}" in [v for k, v in labels.items() if k.startswith("not-ready.netattach.io/")]


def test_a_pod_runs_on_the_node_whose_kernel_has_its_network(installed: Cluster) -> None:
    created(installed, nad("lan", config(type="ipvlan", master="eth1", ipam=HOST_LOCAL)))
    installed.eventually(lambda: _labelled(installed, "node1", "lan"), "node1 is labelled")

    created(installed, *(unplaced(f"web-{number}", "lan") for number in range(3)))

    for number in range(3):
        installed.wait_ready(f"web-{number}")
        assert "node2" == _node_of(installed, f"web-{number}")
        assert ["default/lan"] == [each["name"] for each in status(installed, f"web-{number}")[1:]]
    assert not _labelled(installed, "node2", "lan")


@pytest.fixture
def spare(installed: Cluster) -> Iterator[None]:
    """An interface on node1."""
    _add_spare(installed, "node1")
    yield
    for name in ("node1", "node2"):
        installed.node(name).result(f"ip link delete {SPARE}")


def _add_spare(cluster: Cluster, node: str) -> None:
    cluster.node(node).sh(f"ip link add {SPARE} type veth peer name {SPARE}p && ip link set {SPARE} up")
    cluster.eventually(lambda: _has_spare(cluster, node), f"the inventory of {node} has {SPARE}")


def _has_spare(cluster: Cluster, node: str) -> bool:
    interfaces = cluster.read("nodenetworkinventory", node)["status"]["interfaces"]
    return SPARE in [each["name"] for each in interfaces]


@pytest.mark.usefixtures("spare")
def test_a_pod_that_no_node_can_take_says_why_and_is_placed_when_one_can(installed: Cluster) -> None:
    created(
        installed,
        nad("lan", config(type="ipvlan", master="eth1", ipam=HOST_LOCAL)),
        nad("side", config(type="macvlan", master=SPARE)),
    )
    installed.eventually(lambda: _labelled(installed, "node1", "lan"), "node1 is labelled")
    installed.eventually(lambda: _labelled(installed, "node2", "side"), "node2 is labelled")

    printed = created(installed, unplaced("bare", "lan,side"), _replica_set(unplaced("web", "lan,side")))

    assert "[pod-no-node]" in printed
    installed.eventually(lambda: installed.events("bare", "NoNodeForNetworks"), "the event")
    message = installed.events("bare", "NoNodeForNetworks")
    assert "default/lan rules out node1" in message
    assert f"default/side rules out node2 ({SPARE} does not exist)" in message
    assert "" == _node_of(installed, "bare")
    assert 1 == len(message.splitlines())

    _add_spare(installed, "node2")
    installed.eventually(
        lambda: ["node2"] == [each["spec"].get("nodeName") for each in _replicas(installed)],
        "the pod is placed",
        seconds=PLACED_WITHIN,
    )
    installed.eventually(lambda: all(map(_is_ready, _replicas(installed))), "it runs")


def _replica_set(body: dict[str, Any]) -> dict[str, Any]:
    """Of one pod.

    Before Kubernetes 1.35, a kubelet that has not seen yet that a label is gone refuses the pod for good, and only a controller
    creates another one (kubernetes#133997).
    """
    metadata = {"labels": {"app": "web"}, "annotations": body["metadata"]["annotations"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": metadata, "spec": body["spec"]},
        },
    }


def _replicas(cluster: Cluster) -> list[dict[str, Any]]:
    """Those that have not been refused by a kubelet."""
    return [
        each
        for each in cluster.objects("pods")
        if each["metadata"].get("labels", {}).get("app") == "web" and each["status"].get("phase") != "Failed"
    ]


def _is_ready(body: dict[str, Any]) -> bool:
    return any(
        each["type"] == "Ready" and each["status"] == "True" for each in body["status"].get("conditions", ())
    )


def test_explicit_selectors_stay_and_pods_with_a_node_are_left_alone(installed: Cluster) -> None:
    body = unplaced("web", "probe")
    mine = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node2"]}]}
    body["spec"]["affinity"] = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [mine]}}
    }
    body["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}

    after = _mutated(installed, body)["spec"]

    (term,) = after["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert mine["matchExpressions"] == term["matchExpressions"][:1]
    assert 2 == len(term["matchExpressions"])
    assert {"kubernetes.io/os": "linux"} == after["nodeSelector"]
    assert "affinity" not in _mutated(installed, pod("web", "probe"))["spec"]


@pytest.mark.parametrize("count", range(5))
@pytest.mark.parametrize("machine", [False, True], ids=["a pod", "a virtual machine"])
def test_a_pod_gets_the_devices_of_its_networks_once(
    installed: Cluster, count: int, *, machine: bool
) -> None:
    network = nad("port", config(type="macvlan", master="eth1"))
    network["metadata"]["annotations"] = {"k8s.v1.cni.cncf.io/resourceName": DEVICE}
    created(installed, network)
    body = unplaced("web", ",".join(["probe", *["port"] * count]))
    second = {**body["spec"]["containers"][0], "name": "compute"}
    body["spec"]["containers"].append(second)
    body["metadata"]["labels"] = {"kubevirt.io": "virt-launcher"} if machine else {}

    after = _mutated(installed, body)
    again = _mutated(installed, {**body, "spec": after["spec"]})

    chosen, other = (1, 0) if machine else (0, 1)
    devices = {DEVICE: str(count)} if count else {}
    containers = after["spec"]["containers"]
    assert devices == containers[chosen]["resources"].get("requests", {})
    assert devices == containers[chosen]["resources"].get("limits", {})
    assert {} == containers[other]["resources"]
    assert after["spec"]["containers"] == again["spec"]["containers"]
    assert after["spec"]["affinity"] == again["spec"]["affinity"]


def test_a_deployment_is_warned_of_what_its_pods_would_meet(installed: Cluster) -> None:
    """Its pods are created by a controller, whose warnings nobody reads."""
    created(installed, nad("lan", config(type="ipvlan", master="eth1", ipam=HOST_LOCAL)))
    template = unplaced("web", "lan,lan@net7")
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": template["metadata"]["annotations"]},
                "spec": {**template["spec"], "nodeName": "node1"},
            },
        },
    }
    done = installed.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(body))

    assert NETWORKS in done.stderr
    assert "[pod-no-node]" in done.stderr
