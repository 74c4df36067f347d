"""Pods without secondary networks: they cost no request to the API, and start while it is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, STATUS, address, config, created, nad, pod

OURS = ("netattach-daemon/", "netattach-webhooks/", "netattach-operator/", "kopf/")
ROUNDS = (
    "/leases/",
    "/nodenetworkinventories",
    "/api/v1/nodes/",
    "/customresourcedefinitions/",
    "/network-attachment-definitions?",
)
"""What our programs request every few seconds or minutes, whatever pods do."""


@pytest.fixture(scope="module")
def settled(installed: Cluster) -> Iterator[Cluster]:
    """The cluster with `statusForPlainPods: never`, once the daemons have read it."""
    installed.set_settings("statusForPlainPods: never")
    yield installed
    installed.set_settings("")


@pytest.fixture
def quiet(settled: Cluster) -> Iterator[Cluster]:
    """Deletes what a test creates."""
    yield settled
    settled.kubectl("delete", "pods,network-attachment-definitions", "--all")


def ours(cluster: Cluster, since: int) -> list[str]:
    """Requests of our programs since that event of the audit log, without watches and periodic ones."""
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in cluster.audit()[since:]
        if event["userAgent"].startswith(OURS)
        and event["stage"] == "ResponseComplete"
        and event["verb"] != "watch"
        and not any(words in event["requestURI"] for words in ROUNDS)
    ]


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_a_pod_without_secondary_networks_costs_no_request(quiet: Cluster, node: str) -> None:
    since, reported = len(quiet.audit()), _inventories(quiet)
    created(quiet, pod("plain", node=node))
    quiet.wait_ready("plain")
    quiet.kubectl("delete", "pod", "plain")

    assert [] == ours(quiet, since)
    assert reported == _inventories(quiet)


def _inventories(cluster: Cluster) -> list[str]:
    """Their versions: a pod does not change the inventory of its node."""
    return [body["metadata"]["resourceVersion"] for body in cluster.objects("nodenetworkinventories")]


def test_a_pod_with_networks_costs_one_patch_and_one_event(quiet: Cluster) -> None:
    created(quiet, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    quiet.eventually(lambda: "status" in quiet.read("nad", "second"), "the operator's status")
    since = len(quiet.audit())
    created(quiet, pod("one", "second,second"))
    quiet.wait_ready("one")
    quiet.eventually(lambda: "net2" in quiet.events("one", "AddedInterface"), "the event")
    quiet.kubectl("delete", "pod", "one")

    assert [
        "create /api/v1/namespaces/default/events",
        "patch /api/v1/namespaces/default/pods/one/status",
    ] == sorted(line for line in ours(quiet, since) if "network-attachment-definitions" not in line)


def _static(name: str, networks: str = "") -> dict[str, Any]:
    body = pod(name, networks)
    del body["spec"]["nodeName"]
    return body


@pytest.fixture
def static(quiet: Cluster) -> Iterator[str]:
    """The file of a static pod on node1, which is removed again: the pod cannot be deleted otherwise."""
    node = quiet.node("node1")
    yield json.dumps(_static("static"))
    node.remove_static_pod("static")
    quiet.eventually(lambda: not quiet.exists("pod", "static-node1"), "the static pod is gone")


def test_a_static_pod_starts_while_the_api_server_is_down(quiet: Cluster, static: str) -> None:
    node = quiet.node("node1")
    with quiet.api_down():
        node.write_static_pod("static", static)
        quiet.eventually(lambda: node.sandboxes("static-node1") != [], "the sandbox", seconds=90)
    quiet.eventually(lambda: quiet.exists("pod", "static-node1"), "its mirror pod in the API")
    quiet.wait_ready("static-node1")


def test_a_sandbox_that_is_killed_is_replaced_while_the_api_server_is_down(quiet: Cluster) -> None:
    created(quiet, pod("plain"))
    quiet.wait_ready("plain")
    before, node = address(quiet, "plain", "eth0"), quiet.node("node1")
    (old,) = node.sandboxes("plain")
    with quiet.api_down():
        node.kill_sandbox("plain")
        quiet.eventually(lambda: node.sandboxes("plain") not in ([], [old]), "another sandbox", seconds=90)
    quiet.wait_running("plain")

    assert before != address(quiet, "plain", "eth0")
    assert STATUS not in quiet.read("pod", "plain")["metadata"].get("annotations", {})
