"""What the operator writes on Nodes: labels of networks that are not ready there, and the taint where nothing works yet."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.lab.cluster import NODE, Cluster
from e2e.objects import HOST_LOCAL, config, created, nad, wait_webhooks
from netattach_core.readiness import node_label

NAME = "marked"
TAINT = {"key": "netattach.io/not-ready", "effect": "NoSchedule"}
NEW = "node3"
"""A Node without a machine: the test is its kubelet and its daemon."""

UNCHANGED_SECONDS = 5.0
"""The operator looks at a node within a second of any change."""

LABEL = node_label.of_network(("default", NAME))


def _labels(cluster: Cluster, node: str) -> dict[str, str]:
    """Ours."""
    labels: dict[str, str] = cluster.read("node", node)["metadata"]["labels"]
    return {key: value for key, value in labels.items() if key.startswith(node_label.PREFIX)}


def _tainted(cluster: Cluster, node: str) -> bool:
    return TAINT in cluster.read("node", node)["spec"].get("taints", [])


@pytest.fixture
def network(installed: Cluster) -> Iterator[Cluster]:
    created(installed, nad(NAME, config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    installed.eventually(
        lambda: installed.read("nad", NAME).get("status", {}).get("nodes", {}).get("summary") == "2/2",
        "it is ready on both nodes",
    )
    yield installed
    installed.kubectl("delete", "nad", NAME, "--ignore-not-found")


@contextlib.contextmanager
def _renamed(cluster: Cluster, node: str) -> Iterator[None]:
    """The node has no eth1."""
    machine = cluster.node(node)
    machine.sh("ip link set eth1 down; ip link set eth1 name eth7; ip link set eth7 up")
    try:
        yield
    finally:
        machine.sh("ip link set eth7 down; ip link set eth7 name eth1; ip link set eth1 up")


def test_a_node_has_the_label_of_a_network_as_long_as_it_is_not_ready_there(network: Cluster) -> None:
    assert {} == _labels(network, "node1") | _labels(network, "node2")
    with _renamed(network, "node2"):
        network.eventually(lambda: _labels(network, "node2") == dict([LABEL]), "node2 is labelled")
        assert f"default.{NAME}" == LABEL.value
        assert {} == _labels(network, "node1")
    network.eventually(lambda: _labels(network, "node2") == {}, "the label is removed")


def test_a_network_that_is_deleted_leaves_no_label(network: Cluster) -> None:
    with _renamed(network, "node2"):
        network.eventually(lambda: _labels(network, "node2") == dict([LABEL]), "node2 is labelled")
        network.kubectl("delete", "nad", NAME)
        network.eventually(lambda: _labels(network, "node2") == {}, "the label is removed")


def test_labels_and_taints_of_others_stay(network: Cluster) -> None:
    network.kubectl("label", "node", "node2", "example.com/mine=yes")
    network.kubectl(
        "taint", "node", "node2", "example.com/mine=yes:PreferNoSchedule", f"{TAINT['key']}:NoSchedule"
    )
    try:
        network.eventually(lambda: not _tainted(network, "node2"), "our taint is removed")
        with _renamed(network, "node2"):
            network.eventually(lambda: _labels(network, "node2") == dict([LABEL]), "node2 is labelled")
        network.eventually(lambda: _labels(network, "node2") == {}, "the label is removed")
        body = network.read("node", "node2")
        assert "yes" == body["metadata"]["labels"]["example.com/mine"]
        assert ["example.com/mine"] == [each["key"] for each in body["spec"]["taints"]]
    finally:
        network.kubectl("label", "node", "node2", "example.com/mine-")
        network.kubectl("taint", "node", "node2", "example.com/mine-")


@pytest.fixture
def new_node(installed: Cluster) -> Iterator[Cluster]:
    """As its kubelet registers it, with the pod of its daemon, which has reported nothing."""
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NEW},
        "status": {"nodeInfo": _node_info("boot-1")},
    }
    daemon = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NEW, "namespace": NODE, "labels": {"app.kubernetes.io/component": "daemon"}},
        "spec": {
            "nodeName": NEW,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "daemon", "image": "localhost/lab:1"}],
        },
    }
    try:
        yield _with(installed, node, daemon)
    finally:
        installed.patch_settings("")
        installed.kubectl("delete", "nodenetworkinventory", NEW, "--ignore-not-found")
        installed.kubectl("delete", "pod", NEW, "--namespace", NODE, "--grace-period=0", "--force")
        installed.kubectl("delete", "node", NEW)


def _with(cluster: Cluster, *objects: dict[str, Any]) -> Cluster:
    created(cluster, *objects)
    return cluster


def _node_info(boot_id: str) -> dict[str, str]:
    names = (
        "machineID",
        "systemUUID",
        "kernelVersion",
        "osImage",
        "containerRuntimeVersion",
        "kubeletVersion",
    )
    system = {"operatingSystem": "linux", "architecture": "amd64", "kubeProxyVersion": ""}
    return {**dict.fromkeys(names, "none"), **system, "bootID": boot_id}


def _boot(cluster: Cluster, boot_id: str) -> None:
    """What the kubelet reports after a reboot."""
    patch = json.dumps({"status": {"nodeInfo": _node_info(boot_id)}})
    cluster.kubectl("patch", "node", NEW, "--subresource=status", "--type=merge", f"--patch={patch}")


def _probed(cluster: Cluster, boot_id: str, *, succeeded: bool) -> None:
    """What the daemon reports."""
    body = {
        "apiVersion": "netattach.io/v1alpha1",
        "kind": "NodeNetworkInventory",
        "metadata": {"name": NEW},
        "status": {
            "node": NEW,
            "interfaces": [{"name": "eth0"}],
            "bootID": boot_id,
            "probe": {"bootID": boot_id, "succeeded": succeeded, "message": ""},
        },
    }
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(body))


def test_a_new_node_is_tainted_until_an_attachment_works_in_this_boot(new_node: Cluster) -> None:
    tainted = partial(_tainted, new_node, NEW)
    assert not tainted()
    new_node.patch_settings("startupTaint: manage")
    new_node.eventually(tainted, "a node on which nothing was tried is tainted")
    _probed(new_node, "boot-1", succeeded=False)
    time.sleep(UNCHANGED_SECONDS)
    assert tainted()
    _probed(new_node, "boot-1", succeeded=True)
    new_node.eventually(lambda: not tainted(), "an attachment works")

    _boot(new_node, "boot-2")
    new_node.eventually(tainted, "the node is booted again")
    time.sleep(UNCHANGED_SECONDS)
    assert tainted()
    _probed(new_node, "boot-2", succeeded=True)
    new_node.eventually(lambda: not tainted(), "an attachment works in this boot")


def test_by_default_the_taint_is_removed_and_never_added(new_node: Cluster) -> None:
    tainted = partial(_tainted, new_node, NEW)
    time.sleep(UNCHANGED_SECONDS)
    assert not tainted()
    new_node.kubectl("taint", "node", NEW, f"{TAINT['key']}:NoSchedule")
    time.sleep(UNCHANGED_SECONDS)
    assert tainted()
    _probed(new_node, "boot-1", succeeded=True)
    new_node.eventually(lambda: not tainted(), "an attachment works")


def test_a_node_that_is_rebooted_is_tainted_until_an_attachment_works(installed: Cluster) -> None:
    """A real one, whose daemon starts again with it."""
    before = installed.read("nodenetworkinventory", "node2")["status"]["bootID"]
    installed.patch_settings("startupTaint: manage")
    try:
        installed.reboot("node2")
        seen = installed.read("node", "node2")
        assert before != seen["status"]["nodeInfo"]["bootID"]
        installed.eventually(lambda: _tainted(installed, "node2"), "it is tainted", seconds=30, every=0.1)
        installed.eventually(lambda: not _tainted(installed, "node2"), "it is tainted no more", seconds=180)
        status = installed.read("nodenetworkinventory", "node2")["status"]
        assert status["probe"]["succeeded"]
        assert seen["status"]["nodeInfo"]["bootID"] == status["probe"]["bootID"]
    finally:
        installed.patch_settings("")
        wait_webhooks(installed)
