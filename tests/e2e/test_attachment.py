"""Pods with more than one network on real nodes: interfaces, network-status, events, leases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import (
    HOST_LOCAL,
    STATUS,
    address,
    config,
    created,
    interfaces,
    leftovers,
    links,
    nad,
    pings,
    pod,
    status,
)

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "macvlan": ("node1", {"type": "macvlan", "master": "eth1", "mode": "bridge"}),
    "bridge": ("node1", {"type": "bridge", "bridge": "mybr0"}),
    "ipvlan": ("node2", {"type": "ipvlan", "master": "eth1", "mode": "l2"}),
}
NODES = ("node1", "node2")


@pytest.fixture
def running(installed: Cluster) -> Iterator[Cluster]:
    """Deletes the networks and pods, and waits until nothing of them is left on the nodes."""
    yield installed
    installed.kubectl("delete", "pods,network-attachment-definitions", "--all")
    installed.kubectl("delete", "namespace", "other", "--ignore-not-found")
    installed.eventually(
        lambda: not any(leftovers(installed, name) for name in NODES), "everything is released"
    )


def started(running: Cluster, *pods: dict[str, Any]) -> None:
    created(running, *pods)
    for body in pods:
        running.wait_ready(body["metadata"]["name"], body["metadata"]["namespace"])


@pytest.mark.parametrize("kind", KINDS)
def test_two_pods_on_one_node_reach_each_other_over_net1(running: Cluster, kind: str) -> None:
    node, plugin = KINDS[kind]
    created(running, nad("second", config(**plugin, ipam=HOST_LOCAL)))
    started(running, pod("one", "second", node=node), pod("two", "second", node=node))

    assert ["lo", "eth0", "net1"] == links(running, "one")
    first, second = (address(running, name, "net1") for name in ("one", "two"))
    assert first != second
    assert {f"10.0.3.{last}/24" for last in range(200, 210)} > {first, second}
    assert pings(running, "one", second.partition("/")[0])
    assert pings(running, "two", first.partition("/")[0])

    entries = status(running, "one")
    assert ["cbr0", "default/second"] == [entry["name"] for entry in entries]
    assert [("eth0", True), ("net1", None)] == [(e["interface"], e.get("default")) for e in entries]
    assert [first.partition("/")[0]] == entries[1]["ips"]


def test_a_vlan_interface_is_moved_into_the_pod(running: Cluster) -> None:
    """One pod at a time: an interface has each VLAN once, in whatever namespace."""
    created(running, nad("second", config(type="vlan", master="eth1", vlanId=7, ipam=HOST_LOCAL)))
    started(running, pod("one", "second", node="node2"))

    assert ["lo", "eth0", "net1"] == links(running, "one")
    assert address(running, "one", "net1").partition("/")[0] == status(running, "one")[1]["ips"][0]
    (sandbox,) = running.node("node2").sandboxes("one")
    output = running.node("node2").sh(
        f"nsenter --net=/proc/$(ctr -n k8s.io tasks ls | awk '$1 == \"{sandbox}\" {{print $2}}')/ns/net ip -d link show net1"
    )
    assert "vlan protocol 802.1Q id 7" in output


def test_host_device_moves_an_interface_of_the_node_and_returns_it(running: Cluster) -> None:
    ipam = {"type": "static", "addresses": [{"address": "10.0.3.210/24"}]}
    created(running, nad("card", config(type="host-device", device="eth1", ipam=ipam)))
    before = running.node("node1").sh("ip -o link show eth1").split("link/ether ")[1].split()[0]
    started(running, pod("one", "card"))

    assert "10.0.3.210/24" == address(running, "one", "net1")
    assert before == status(running, "one")[1]["mac"]
    assert pings(running, "one", "10.0.3.1")
    assert "eth1" not in interfaces(running.node("node1"))

    running.kubectl("delete", "pod", "one")
    running.eventually(lambda: "eth1" in interfaces(running.node("node1")), "eth1 is back")
    running.node("node1").sh("ip link set eth1 up; ip addr replace 10.0.3.11/24 dev eth1")


def test_a_network_of_another_namespace(running: Cluster) -> None:
    running.kubectl("create", "namespace", "other")
    created(running, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL), "other"))
    started(running, pod("one", "other/second"))

    assert "other/second" == status(running, "one")[1]["name"]
    assert ["lo", "eth0", "net1"] == links(running, "one")


def test_two_networks_are_attached_in_the_order_of_the_annotation(running: Cluster) -> None:
    created(running, nad("a", config(type="bridge", bridge="mybr0", ipam=HOST_LOCAL)))
    created(running, nad("b", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    started(running, pod("one", "b, a@storage"))

    assert ["lo", "eth0", "net1", "storage"] == links(running, "one")
    assert ["cbr0", "default/b", "default/a"] == [entry["name"] for entry in status(running, "one")]
    assert "storage" == status(running, "one")[2]["interface"]


def test_an_event_reports_each_interface(running: Cluster) -> None:
    created(running, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    started(running, pod("one", "second"))

    net1 = address(running, "one", "net1")
    running.eventually(
        lambda: f"Add net1 [{net1}] from default/second" in running.events("one", "AddedInterface"),
        "event",
    )


def test_a_pod_without_secondary_networks_gets_its_status_too(running: Cluster) -> None:
    started(running, pod("plain"))
    running.eventually(
        lambda: STATUS in running.read("pod", "plain")["metadata"].get("annotations", {}), "status"
    )

    assert ["cbr0"] == [entry["name"] for entry in status(running, "plain")]
    assert "" == running.events("plain", "AddedInterface")


def test_a_network_that_was_changed_since_the_add_is_detached_as_it_was_attached(running: Cluster) -> None:
    created(running, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    started(running, pod("one", "second"))
    other = config(type="bridge", bridge="mybr0", ipam={"type": "host-local", "subnet": "10.9.0.0/24"})
    patch = json.dumps({"spec": {"config": other}})
    running.kubectl("patch", "nad", "second", "--type=merge", f"--patch={patch}")
    running.kubectl("delete", "pod", "one")

    assert {} == leftovers(running, "node1")


def test_pods_and_their_network_that_are_deleted_during_the_add(running: Cluster) -> None:
    created(running, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    created(
        running,
        *(pod(f"hasty-{number}-{name}", "second", node=name) for name in NODES for number in range(2)),
    )
    for name in NODES:
        running.eventually(partial(leftovers, running, name), f"{name} has begun", every=0.05)
    running.kubectl("delete", "pods,network-attachment-definitions", "--all")

    running.eventually(lambda: not any(leftovers(running, name) for name in NODES), "everything is released")
    assert "eth1" in interfaces(running.node("node1"))
