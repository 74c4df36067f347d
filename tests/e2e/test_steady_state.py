"""The installation: ready in time, columns of kubectl, nothing written to users' objects but their status."""

from __future__ import annotations

import json
from typing import Any

from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, config, created, nad, pod

SECONDS = 60
"""Mostly the time of Python's imports on node2's slow kernel."""


def test_all_programs_are_ready_soon_after_one_command(installed: Cluster) -> None:
    assert installed.seconds_to_ready < SECONDS


def test_each_node_runs_a_daemon_and_the_cluster_has_webhooks_and_an_operator(installed: Cluster) -> None:
    def pods() -> list[dict[str, Any]]:
        return installed.objects(
            "pods", "--all-namespaces", "--selector", "app.kubernetes.io/part-of=netattach"
        )

    def are_ready() -> bool:
        """An earlier test may have stopped the API server, after which the operator restarts."""
        return all(each["ready"] for body in pods() for each in body["status"]["containerStatuses"])

    installed.eventually(are_ready, "all programs are ready", seconds=120)
    by_component: dict[str, list[str]] = {}
    for body in pods():
        component = body["metadata"]["labels"]["app.kubernetes.io/component"]
        by_component.setdefault(component, []).append(body["spec"]["nodeName"])

    assert ["node1", "node2"] == sorted(by_component["daemon"])
    assert 2 == len(by_component["webhooks"])
    assert 1 == len(by_component["operator"])


def test_all_programs_but_the_daemon_have_the_restricted_profile(installed: Cluster) -> None:
    namespace = installed.read("namespace", "netattach-system")

    assert "restricted" == namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]


def test_our_conflist_is_the_first_of_the_node(installed: Cluster) -> None:
    for name in ("node1", "node2"):
        assert "00-netattach.conflist" == installed.node(name).sh("ls /etc/cni/net.d").split()[0]
        assert "netattach" in installed.node(name).sh("ls /opt/cni/bin").split()


def test_each_nodes_inventory_is_owned_by_its_node(installed: Cluster) -> None:
    for name in ("node1", "node2"):
        body = installed.read("nodenetworkinventory", name)
        default = body["status"]["defaultInterfaces"]

        assert [("Node", name)] == [(o["kind"], o["name"]) for o in body["metadata"]["ownerReferences"]]
        assert ["eth0"] == [each["name"] for each in default]
        assert any("InternalIP" in reason for reason in default[0]["reasons"])
        assert {"eth0", "eth1"} <= {each["name"] for each in body["status"]["interfaces"]}
        assert "cbr0" == body["status"]["primary"]["name"]


def test_kubectl_shows_plugins_ipam_and_whether_it_is_valid(installed: Cluster) -> None:
    chain = {
        "cniVersion": "1.0.0",
        "plugins": [{"type": "macvlan", "master": "eth1", "ipam": HOST_LOCAL}, {"type": "tuning"}],
    }
    created(installed, nad("shown", json.dumps(chain)))
    try:
        installed.eventually(lambda: "status" in installed.read("nad", "shown"), "status")
        header, row = installed.kubectl("get", "net-attach-def", "shown").stdout.splitlines()
    finally:
        installed.kubectl("delete", "nad", "shown")

    assert ["NAME", "PLUGINS", "IPAM", "VALID"] == header.split()[:4]
    assert ["shown", "macvlan,tuning", "host-local", "True"] == row.split()[:4]


def test_nothing_but_the_status_of_a_users_object_is_written(installed: Cluster) -> None:
    created(
        installed, nad("mine", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)), pod("mine", "mine")
    )
    try:
        installed.wait_ready("mine")
        installed.eventually(
            lambda: installed.read("nad", "mine").get("status", {}).get("pods") == 1, "status"
        )
        body = json.loads(
            installed.kubectl("get", "nad", "mine", "--output=json", "--show-managed-fields").stdout
        )
    finally:
        installed.kubectl("delete", "pod,nad", "mine")

    assert {
        "creationTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "uid",
    } == set(body["metadata"])
    written = {
        m["manager"]: set(m["fieldsV1"])
        for m in body["metadata"]["managedFields"]
        if "kubectl" not in m["manager"]
    }
    assert all(fields == {"f:status"} for fields in written.values()), written
