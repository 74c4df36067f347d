"""Permissions of a node's daemon: the network-status of pods on its node, its inventory, and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import NETWORKS, STATUS, created, pod

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"


class Daemon:
    """kubectl with the token of the daemon on node1."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._token = cluster.daemon_file("node1", TOKEN)

    def kubectl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._cluster.kubectl(*words, "--token", self._token, check=False)

    def patch(self, name: str, patch: dict[str, Any]) -> str:
        """The error of a patch of pods/status; "" where it is accepted."""
        done = self.kubectl(
            *("patch", "pod", name, "--subresource=status", "--type=merge", f"--patch={json.dumps(patch)}")
        )
        return done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def pods(installed: Cluster) -> Iterator[Cluster]:
    labels = {"labels": {"app": "here"}, "finalizers": ["example.com/hold"]}
    for name in NODES:
        body = pod(f"on-{name}", node=name)
        body["metadata"] |= labels
        body["metadata"]["annotations"] = {"mine": "1"}
        created(installed, body)
    for name in NODES:
        installed.wait_ready(f"on-{name}")
    for name in NODES:  # the daemon writes it some seconds later, while a test compares the pod with itself
        installed.eventually(partial(_has_status, installed, f"on-{name}"), f"the status of on-{name}")
    yield installed
    for name in NODES:
        installed.kubectl(
            "patch", "pod", f"on-{name}", "--type=merge", '--patch={"metadata":{"finalizers":null}}'
        )
    installed.kubectl("delete", "pods", "--all")


NODES = ("node1", "node2")


def _has_status(cluster: Cluster, name: str) -> bool:
    return STATUS in cluster.read("pod", name)["metadata"]["annotations"]


@pytest.fixture(scope="module")
def daemon(pods: Cluster) -> Daemon:
    return Daemon(pods)


def test_the_status_of_a_pod_on_its_own_node_is_accepted(daemon: Daemon, pods: Cluster) -> None:
    assert "" == daemon.patch("on-node1", {"metadata": {"annotations": {STATUS: "[]"}}})
    assert "[]" == pods.read("pod", "on-node1")["metadata"]["annotations"][STATUS]


def test_the_status_of_a_pod_on_another_node_is_refused(daemon: Daemon) -> None:
    output = daemon.patch("on-node2", {"metadata": {"annotations": {STATUS: "[]"}}})

    assert "ValidatingAdmissionPolicy" in output
    assert "node" in output


FORBIDDEN = {
    "a label": {"metadata": {"labels": {"app": "there"}}},
    "a label that is removed": {"metadata": {"labels": {"app": None}}},
    "a finalizer": {"metadata": {"finalizers": []}},
    "another annotation": {"metadata": {"annotations": {"mine": "2"}}},
    "another annotation that is removed": {"metadata": {"annotations": {"mine": None}}},
    "an annotation that is added": {"metadata": {"annotations": {"theirs": "1"}}},
    "the networks": {"metadata": {"annotations": {NETWORKS: "kube-system/secret"}}},
    "the pod's address": {"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}},
    "the pod's phase": {"status": {"phase": "Succeeded"}},
}


@pytest.mark.parametrize("patch", FORBIDDEN.values(), ids=FORBIDDEN)
def test_nothing_else_of_the_pod_can_be_changed(daemon: Daemon, pods: Cluster, patch: dict[str, Any]) -> None:
    before = pods.read("pod", "on-node1")
    output = daemon.patch("on-node1", patch)

    assert "ValidatingAdmissionPolicy" in output
    after = pods.read("pod", "on-node1")
    assert before["metadata"] == after["metadata"]
    assert before["status"]["podIP"] == after["status"]["podIP"]


@pytest.mark.parametrize(
    "words",
    [
        ("delete", "pod", "on-node1"),
        ("label", "pod", "on-node1", "a=b"),
        ("get", "secrets", "--all-namespaces"),
        ("get", "configmaps", "--namespace", "kube-system"),
        ("delete", "nodenetworkinventory", "node1"),
        ("delete", "daemonset", "netattach-daemon", "--namespace", "netattach-node"),
    ],
    ids=" ".join,
)
def test_it_has_no_other_permission(daemon: Daemon, words: tuple[str, ...]) -> None:
    assert "is forbidden" in daemon.kubectl(*words).stderr


def test_its_own_inventory_is_accepted_and_another_nodes_is_refused(daemon: Daemon) -> None:
    patch = '--patch={"metadata":{"labels":{"a":"b"}}}'
    words = ("patch", "nodenetworkinventory", "--type=merge", patch)

    assert 0 == daemon.kubectl(*words, "node1").returncode
    assert "ValidatingAdmissionPolicy" in daemon.kubectl(*words, "node2").stderr
