"""The API server, a node, its runtime or kubelet is down: known networks are attached, the status is written afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest

from e2e.lab import process
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
    plugins,
    pod,
    status,
    wait_webhooks,
)

SLOW = (
    '[ "$CNI_COMMAND" = ADD ] || exit 0\n'
    "touch /run/slow-began; while [ ! -e /run/slow-goes-on ]; do sleep 0.1; done; echo '{}'"
)
"""A plugin whose ADD lasts until the test lets it end."""


@pytest.fixture
def running(installed: Cluster) -> Iterator[Cluster]:
    """A network that node1's daemon knows, since a pod there has it."""
    created(installed, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    created(installed, pod("one", "second"))
    installed.wait_ready("one")
    yield installed
    installed.kubectl("delete", "pods,network-attachment-definitions", "--all")
    installed.eventually(lambda: not leftovers(installed, "node1"), "everything is released")


def _runs(cluster: Cluster, name: str) -> bool:
    return cluster.kubectl("exec", name, "--", "true", check=False).returncode == 0


def _sandboxes(cluster: Cluster, node: str) -> set[str]:
    """Sandboxes with secondary networks, from the ledger."""
    return {path for path in leftovers(cluster, node).get("ledger", []) if path.endswith(".json")}


def _has_status(cluster: Cluster, name: str) -> bool:
    return STATUS in cluster.read("pod", name)["metadata"].get("annotations", {})


def test_a_static_pod_with_networks_starts_while_the_api_server_is_down(running: Cluster) -> None:
    """Its UID is not that of its mirror pod, which is created later; the status is written then."""
    body, node = pod("static", "second"), running.node("node1")
    del body["spec"]["nodeName"]
    try:
        with running.api_down():
            node.write_static_pod("static", json.dumps(body))
            running.eventually(lambda: node.sandboxes("static-node1") != [], "the sandbox", seconds=90)
        running.eventually(
            lambda: running.exists("pod", "static-node1"), "its mirror pod in the API", seconds=150
        )
        running.wait_ready("static-node1")
        running.eventually(lambda: _has_status(running, "static-node1"), "its status")

        assert ["lo", "eth0", "net1"] == links(running, "static-node1")
        reported = status(running, "static-node1")[1]
        assert ("default/second", "net1") == (reported["name"], reported["interface"])
        assert [address(running, "static-node1", "net1").partition("/")[0]] == reported["ips"]
    finally:
        node.remove_static_pod("static")
        running.eventually(lambda: not running.exists("pod", "static-node1"), "the static pod is gone")


def test_a_sandbox_with_networks_is_replaced_while_the_api_server_is_down(running: Cluster) -> None:
    """It has another address, which the status shows afterwards; the lease of the first one is released."""
    before, node = address(running, "one", "net1"), running.node("node1")
    (old,) = node.sandboxes("one")
    with running.api_down():
        node.kill_sandbox("one")
        running.eventually(lambda: node.sandboxes("one") not in ([], [old]), "another sandbox", seconds=90)
    running.wait_running("one")

    after = address(running, "one", "net1")
    assert before != after
    running.eventually(lambda: status(running, "one")[1]["ips"] == [after.partition("/")[0]], "its status")
    running.eventually(
        lambda: leftovers(running, "node1")["leases"].count(after.partition("/")[0]) == 1, "one lease"
    )
    assert before.partition("/")[0] not in leftovers(running, "node1")["leases"]


@pytest.fixture
def slow(running: Cluster) -> Iterator[Cluster]:
    """With a network on node1 whose ADD lasts until /run/slow-goes-on exists."""
    with plugins(running, "node1", slow=SLOW):
        created(running, nad("slow", config(type="slow")))
        yield running
        running.kubectl("delete", "pods,network-attachment-definitions", "--all")
        running.node("node1").sh("rm -f /run/slow-*")


@pytest.mark.parametrize("program", ["containerd", "kubelet"])
def test_a_runtime_or_kubelet_that_is_killed(slow: Cluster, program: str) -> None:
    """During an ADD, which is undone without a DEL: node1's runtime has forgotten it. Other pods keep running."""
    node, kept = slow.node("node1"), address(slow, "one", "net1").partition("/")[0]
    created(slow, pod("gone", "second"))
    slow.wait_ready("gone")
    (sandbox,), before = node.sandboxes("one"), _sandboxes(slow, "node1")
    created(slow, pod("late", "second,slow"))
    slow.eventually(lambda: node.result("ls /run/slow-began").returncode == 0, "an ADD under way")
    assert len(before) + 1 == len(_sandboxes(slow, "node1"))
    node.kill(program)
    try:
        slow.eventually(
            lambda: _sandboxes(slow, "node1") == before, "the interrupted ADD is undone", seconds=30
        )
        assert 2 == len(leftovers(slow, "node1")["leases"])
        assert "1 received" in process.run("ping", "-c", "1", "-W", "5", kept).stdout
        slow.kubectl("delete", "pod", "gone", "--wait=false")
    finally:
        node.sh("touch /run/slow-goes-on")
        node.start_again(program)
    slow.wait_node("node1")
    slow.wait_ready("late")
    slow.kubectl("wait", "--for=delete", "pod/gone", "--timeout=60s")

    assert ["lo", "eth0", "net1"] == links(slow, "late")
    late = address(slow, "late", "net1").partition("/")[0]
    slow.eventually(
        lambda: sorted(leftovers(slow, "node1")["leases"]) == sorted([kept, late]), "leases of those that run"
    )
    assert 2 == len(_sandboxes(slow, "node1"))
    assert ["cbr0", "default/second", "default/slow"] == [entry["name"] for entry in status(slow, "late")]
    assert [late] == status(slow, "late")[1]["ips"]
    assert [sandbox] == node.sandboxes("one")
    assert pings(slow, "one", late)


def _next_call(cluster: Cluster, node: str, gone: set[str]) -> None:
    """A runtime that lost its disk with the power calls no DEL: after a while a DEL is pending, and the next call runs it."""
    pending = "grep -ls '\"deleting\"' /var/lib/cni/netattach/*.json; true"
    cluster.eventually(
        lambda: gone <= set(cluster.node(node).sh(pending).split()), "DELs are pending", seconds=150
    )
    created(cluster, pod("next", "second", node=node))
    cluster.wait_ready("next")
    cluster.kubectl("delete", "pod", "next")


@pytest.mark.parametrize("name", ["node1", pytest.param("node2", marks=pytest.mark.soak)])
def test_after_a_loss_of_power_only_running_pods_have_leases(running: Cluster, name: str) -> None:
    """Leases and ledger are on the node's disk; afterwards they are those of the pods that run."""
    pods = [f"kept-{number}" for number in range(2)]
    created(running, *(pod(each, "second", node=name) for each in pods))
    for each in pods:
        running.wait_ready(each)
    before = _sandboxes(running, name)
    assert len(leftovers(running, name)["leases"]) == len(before) >= len(pods)
    running.reboot(name)
    wait_webhooks(running)
    for each in pods:
        running.eventually(partial(_runs, running, each), f"{each} runs", seconds=180, every=1)

    addresses = {address(running, each, "net1").partition("/")[0] for each in pods}
    others = {"one"} if name == "node1" else set[str]()
    for other in others:
        running.wait_ready(other, seconds=120)
        addresses.add(address(running, other, "net1").partition("/")[0])
    if name == "node2":
        _next_call(running, name, before)
    running.eventually(
        lambda: set(leftovers(running, name).get("leases", [])) == addresses, "leases of those that run"
    )
    running.eventually(lambda: len(_sandboxes(running, name)) == len(addresses), "entries of those that run")
    assert before.isdisjoint(_sandboxes(running, name))
