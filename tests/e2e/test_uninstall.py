"""Uninstalling: pods keep their networks, NADs stay, nodes still start pods; after another install everything works."""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, address, config, created, leftovers, links, nad, pings, pod, status
from netattach_core.cni import netattach_conf

CRD = "network-attachment-definitions.k8s.cni.cncf.io"
NODES = ("node1", "node2")


@pytest.fixture
def running(installed: Cluster) -> Cluster:
    """Two pods with a second network on each node."""
    created(installed, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    pods = [(f"{when}-{name}", name) for name in NODES for when in ("before", "gone")]
    created(installed, *(pod(each, "second", node=name) for each, name in pods))
    for each, _ in pods:
        installed.wait_ready(each)
    return installed


def _leases(cluster: Cluster, node: str) -> set[str]:
    return set(leftovers(cluster, node).get("leases", []))


def _configurations(cluster: Cluster, node: str) -> list[str]:
    """The node's CNI config directory, sorted."""
    return sorted(cluster.node(node).sh("ls /etc/cni/net.d").split())


def _version_of_the_crd(cluster: Cluster) -> dict[str, Any]:
    version: dict[str, Any] = cluster.read("crd", CRD)["spec"]["versions"][0]
    return version


def _upstreams_crd(cluster: Cluster) -> None:
    """Replaces our CRD by that of Multus: no status, no columns, another manager."""
    body = cluster.read("crd", CRD)
    version = body["spec"]["versions"][0]
    properties = {"spec": {"type": "object", "properties": {"config": {"type": "string"}}}}
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": properties}}
    for ours in ("subresources", "additionalPrinterColumns"):
        version.pop(ours, None)
    body["metadata"] = {key: body["metadata"][key] for key in ("name", "resourceVersion")}
    body.pop("status")
    cluster.kubectl("replace", "-f", "-", input=json.dumps(body))
    assert "subresources" not in _version_of_the_crd(cluster)


def test_uninstall_with_running_pods_and_install_again(running: Cluster) -> None:
    kept = {name: address(running, f"before-{name}", "net1").partition("/")[0] for name in NODES}
    running.uninstall()

    for name in NODES:
        assert "net1" in links(running, f"before-{name}")
        assert pings(running, f"before-{name}", "10.0.3.1")
        assert [netattach_conf.UNINSTALL_FILE_NAME, "10-default.conflist"] == _configurations(running, name)[
            :2
        ]
    assert "default" == running.read("nad", "second")["metadata"]["namespace"]
    for name in NODES:
        created(running, pod(f"plain-{name}", node=name))
    for name in NODES:
        running.wait_ready(f"plain-{name}")
        assert ["lo", "eth0"] == links(running, f"plain-{name}")
    running.kubectl("delete", "pods", *(f"plain-{name}" for name in NODES))
    running.kubectl("delete", "pods", *(f"gone-{name}" for name in NODES))
    running.eventually(
        lambda: all(_leases(running, name) == {kept[name]} for name in NODES),
        "released by libcni, older and newer than 1.3",
    )
    running.kubectl("delete", "pods", "before-node1")
    running.eventually(lambda: not leftovers(running, "node1"), "the last pod of node1 is detached")
    running.eventually(
        lambda: _configurations(running, "node1") == ["10-default.conflist"], "our files are removed"
    )
    created(running, pod("last-node1", node="node1"))
    running.wait_ready("last-node1")
    assert ["lo", "eth0"] == links(running, "last-node1")
    assert netattach_conf.UNINSTALL_FILE_NAME == _configurations(running, "node2")[0]

    _upstreams_crd(running)

    running.install()

    for name in NODES:
        assert [netattach_conf.FILE_NAME, "10-default.conflist"] == _configurations(running, name)
    running.eventually(
        lambda: "status" in _version_of_the_crd(running).get("subresources", {}), "the CRD is ours"
    )
    assert "default" == running.read("nad", "second")["metadata"]["namespace"]
    for name in NODES:
        created(running, pod(f"after-{name}", "second", node=name))
    for name in NODES:
        running.wait_ready(f"after-{name}")
        assert (
            address(running, f"after-{name}", "net1") == status(running, f"after-{name}")[1]["ips"][0] + "/24"
        )
    refused = running.kubectl("create", "-f", "-", input="{}", check=False)
    assert 0 != refused.returncode
    running.kubectl("delete", "pods,network-attachment-definitions", "--all")
    running.eventually(lambda: not any(leftovers(running, name) for name in NODES), "everything is released")
