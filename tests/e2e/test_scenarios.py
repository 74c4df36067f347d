"""The end-to-end scenarios of Multus (its e2e directory, 4.3.0), with assertions where they only print.

All pods are created at once; node1 runs one call at a time, as the suite of thick Multus does. node2 has few pods, as each takes
six seconds there. The scenario of a static pod is test_static_pods.py's first test.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from e2e.lab import dra
from e2e.lab.cluster import NODE, Cluster
from e2e.objects import (
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
)

NODES = ("node1", "node2")
DAEMON = ("--namespace", NODE, "daemonset/netattach-daemon")

DAEMON_OF_NODE1 = (
    "--selector=app.kubernetes.io/component=daemon",
    "--field-selector=spec.nodeName=node1",
)

MACVLAN = {"type": "macvlan", "master": "eth1", "mode": "bridge", "ipam": {"type": "static"}}
MAC = "02:00:00:01:01:11"
GATEWAY = "10.1.1.254"

REPLICAS = 6
DENSE = dict.fromkeys(NODES, 16) if os.environ.get("NETATTACH_SOAK") else {"node1": 30, "node2": 2}
PODS = {node: f"10.244.{number}." for number, node in enumerate(NODES, 1)}
"""Prefixes of the pods' addresses."""

ALONE = """[ "$CNI_COMMAND" = ADD ] || exit 0
mkdir /run/alone || exit 1
sleep 0.2
rmdir /run/alone
echo '{}'"""
"""A plugin that fails where another instance of it runs."""

CHAINED = {
    "10-sysctl": {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}},
    "20-vendor": {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_announce": "2"}},
}
"""Files in the directory of the default network's name, which extend its chain."""

DRIVER, DEVICE = "dra.example.com", "0000:3b:02.0"
CARD = r"""name=${CNI_NETNS##*/}
case $CNI_COMMAND in
ADD)
    device=$(sed 's/.*"deviceID": *"\([^"]*\)".*/\1/')
    ip link add link eth1 name "$CNI_IFNAME" netns "$name" type macvlan mode bridge || exit 1
    nsenter --net="$CNI_NETNS" ip link set "$CNI_IFNAME" alias "$device"
    echo '{"cniVersion":"1.0.0","interfaces":[{"name":"'$CNI_IFNAME'","sandbox":"'$CNI_NETNS'"}]}'
    ;;
DEL) [ -z "$CNI_NETNS" ] || nsenter --net="$CNI_NETNS" ip link delete "$CNI_IFNAME" || true ;;
esac"""
"""A plugin whose interface has the id of its device as alias."""


def _networks() -> Iterator[dict[str, Any]]:
    tuned = [
        {**MACVLAN, "capabilities": {"ips": True, "mac": True}},
        {"type": "tuning", "mtu": 1400},
    ]
    yield nad("macvlan1", json.dumps({"cniVersion": "0.3.1", "plugins": tuned}))  # without a name
    yield nad("routed", json.dumps({"cniVersion": "0.3.1", "plugins": [MACVLAN]}))
    for number, node in enumerate(NODES, 1):  # host-local knows only its own node
        dense = {"type": "host-local", "subnet": "10.20.0.0/16"}
        dense |= {"rangeStart": f"10.20.{number}.1", "rangeEnd": f"10.20.{number}.250"}
        yield nad(f"dense-{node}", config(**{**MACVLAN, "ipam": dense}))
    yield nad("alone", config(type="alone"))
    card = nad("card", config(type="card"))
    card["metadata"]["annotations"] = {"k8s.v1.cni.cncf.io/resourceName": "example.com/card"}
    yield card


def _device() -> Iterator[dict[str, Any]]:
    """What a driver's controller and a user write."""
    api = {"apiVersion": "resource.k8s.io/v1"}
    reported = {
        "k8s.cni.cncf.io/resourceName": {"string": "example.com/card"},
        "k8s.cni.cncf.io/deviceID": {"string": DEVICE},
    }
    pool = {"name": "node1", "generation": 1, "resourceSliceCount": 1}
    devices = [{"name": "card-0", "attributes": reported}]
    spec = {"driver": DRIVER, "nodeName": "node1", "pool": pool, "devices": devices}
    yield {**api, "kind": "ResourceSlice", "metadata": {"name": "cards"}, "spec": spec}
    selectors = [{"cel": {"expression": f'device.driver == "{DRIVER}"'}}]
    yield {**api, "kind": "DeviceClass", "metadata": {"name": "card"}, "spec": {"selectors": selectors}}
    requests = [{"name": "card", "exactly": {"deviceClassName": "card"}}]
    spec = {"devices": {"requests": requests}}
    yield {**api, "kind": "ResourceClaim", "metadata": {"name": "card", "namespace": "default"}, "spec": spec}


def _pods() -> Iterator[dict[str, Any]]:
    for number, node in enumerate(NODES, 1):
        yield pod(f"simple-{node}", node=node)
        mac = {"mac": MAC} if node == "node1" else {}
        asked = {"name": "macvlan1", "ips": [f"10.1.1.1{number}/24"], **mac}
        yield pod(f"macvlan1-{node}", [asked], node=node)
        for each in range(DENSE[node]):
            body = pod(f"dense-{node}-{each}", f"dense-{node}", node=node)
            body["metadata"]["labels"] = {"app": "dense"}
            yield body
    yield pod("routed", [{"name": "routed", "ips": ["10.1.1.21/24"], "default-route": [GATEWAY]}])
    yield pod("not-routed", [{"name": "routed", "ips": ["10.1.1.22/24"]}])
    yield _replicas()
    claimed = pod("claimed", "card")
    del claimed["spec"]["nodeName"]  # the scheduler allocates
    claimed["spec"]["resourceClaims"] = [{"name": "card", "resourceClaimName": "card"}]
    claimed["spec"]["containers"][0]["resources"] = {"claims": [{"name": "card"}]}
    yield claimed


def _replicas() -> dict[str, Any]:
    template = pod("", "dense-node1, alone")
    del template["metadata"]["name"], template["apiVersion"], template["kind"]
    template["metadata"]["labels"] = {"app": "replica"}
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": {"app": "replica"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "replicas"}, "spec": spec}


@pytest.fixture(scope="module")
def driver(installed: Cluster) -> Iterator[dra.Driver]:
    """With a device on node1; deletes its objects afterwards."""
    with dra.running(dra.Driver(DRIVER, "node1", "card-0", "card"), "node1") as running:
        try:
            created(installed, *_device())
            yield running
        finally:
            installed.kubectl("delete", "pods", "--all")
            installed.kubectl("delete", "resourceclaim,deviceclass,resourceslice", "--all")


@pytest.fixture(scope="module")
def scene(installed: Cluster, driver: dra.Driver) -> Iterator[Cluster]:
    """All networks and pods, with one call at a time on node1 and files that extend the default network's chain."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(plugins(installed, "node1", alone=ALONE, card=CARD))
        stack.enter_context(_one_at_a_time(installed))
        stack.enter_context(_chained_files(installed))
        stack.callback(_everything_is_released, installed)
        created(installed, *_networks())
        created(installed, *_pods())
        yield installed


def _everything_is_released(cluster: Cluster) -> None:
    cluster.kubectl("delete", "deployments,pods", "--all")
    cluster.kubectl("delete", "network-attachment-definitions", "--all")
    cluster.eventually(lambda: not any(leftovers(cluster, name) for name in NODES), "everything is released")


@contextlib.contextmanager
def _one_at_a_time(cluster: Cluster) -> Iterator[None]:
    """As Multus with connectionLimit 1, on node1; node2's daemon is not restarted, which would take half a minute."""
    before = cluster.read("daemonset", "netattach-daemon", NODE)["spec"]["updateStrategy"]
    _patch(cluster, {"type": "OnDelete", "rollingUpdate": None})
    try:
        _set(cluster, "NETATTACH_CALLS_AT_ONCE=1")
        yield
    finally:
        _set(cluster, "NETATTACH_CALLS_AT_ONCE-")
        _patch(cluster, before)
        cluster.kubectl("rollout", "status", *DAEMON, "--timeout=120s")


def _patch(cluster: Cluster, strategy: dict[str, Any]) -> None:
    patch = json.dumps({"spec": {"updateStrategy": strategy}})
    cluster.kubectl("patch", *DAEMON, "--type=merge", f"--patch={patch}")


def _set(cluster: Cluster, variable: str) -> None:
    """Restarts node1's daemon with the variable."""
    cluster.kubectl("set", "env", *DAEMON, variable)
    cluster.kubectl("delete", "pods", "--namespace", NODE, *DAEMON_OF_NODE1)


@contextlib.contextmanager
def _chained_files(cluster: Cluster) -> Iterator[None]:
    directory = "/etc/cni/net.d/cbr0"
    for node in NODES:
        for name, body in CHAINED.items():
            cluster.node(node).sh(
                f"mkdir -p {directory}; echo '{json.dumps(body)}' >{directory}/.new; mv {directory}/.new {directory}/{name}.conf"
            )
    try:
        yield
    finally:
        for node in NODES:
            cluster.node(node).sh(
                f"cd {directory}; rm {' '.join(f'{name}.conf' for name in CHAINED)}; rmdir {directory}"
            )


def _inside(cluster: Cluster, name: str, *words: str) -> str:
    return cluster.kubectl("exec", name, "--", *words).stdout.strip()


@pytest.mark.parametrize("node", NODES)
def test_a_simple_pod(scene: Cluster, node: str) -> None:
    """With the default network only."""
    name = f"simple-{node}"
    scene.wait_ready(name, seconds=300)

    assert ["lo", "eth0"] == links(scene, name)
    scene.eventually(
        lambda: STATUS in scene.read("pod", name)["metadata"].get("annotations", {}), "its status"
    )
    assert [("cbr0", True)] == [(entry["name"], entry["default"]) for entry in status(scene, name)]


@pytest.mark.parametrize(("node", "last", "other"), [("node1", 11, 12), ("node2", 12, 11)])
def test_macvlan_with_the_address_that_the_pod_asks_for(
    scene: Cluster, node: str, last: int, other: int
) -> None:
    """A chain without a name; IP and MAC by capability; a pod on the other node is reached."""
    for each in NODES:
        scene.wait_ready(f"macvlan1-{each}", seconds=300)
    name = f"macvlan1-{node}"

    assert ["lo", "eth0", "net1"] == links(scene, name)
    assert f"10.1.1.{last}/24" == address(scene, name, "net1")
    assert "1400" == _inside(scene, name, "cat", "/sys/class/net/net1/mtu")
    mac = _inside(scene, name, "cat", "/sys/class/net/net1/address")
    assert (mac == MAC) == (node == "node1")
    reported = {"name": "default/macvlan1", "interface": "net1", "ips": [f"10.1.1.{last}"], "mac": mac}
    assert reported.items() <= status(scene, name)[1].items()
    assert pings(scene, name, f"10.1.1.{other}")


@pytest.mark.parametrize(
    ("name", "net1", "in_force", "reported"),
    [
        ("routed", "10.1.1.21/24", f"default via {GATEWAY} dev net1", [None, [GATEWAY]]),
        ("not-routed", "10.1.1.22/24", "default via 10.244.1.1 dev eth0", [["10.244.1.1"], None]),
    ],
)
def test_default_route(
    scene: Cluster, name: str, net1: str, in_force: str, reported: list[list[str] | None]
) -> None:
    """The requested one is the only one; without a request the default network's stays. network-status has it."""
    scene.wait_ready(name, seconds=300)

    assert net1 == address(scene, name, "net1")
    routes = [line.strip() for line in _inside(scene, name, "ip", "-4", "route").splitlines()]
    assert [in_force] == [line for line in routes if line.startswith("default")]
    assert reported == [entry.get("gateway") for entry in status(scene, name)]


def test_connection_limit(scene: Cluster) -> None:
    """Six pods of one node at once, one call at a time: no plugin ran twice at a time, and no ADD failed."""
    scene.kubectl("rollout", "status", "deployment/replicas", "--timeout=300s")
    pods = scene.objects("pods", "--selector", "app=replica")

    assert REPLICAS == len(pods)
    for body in pods:
        name = body["metadata"]["name"]
        assert "" == scene.events(name, "FailedAttachment")
        assert ["cbr0", "default/dense-node1", "default/alone"] == [e["name"] for e in status(scene, name)]


@pytest.mark.parametrize("node", NODES)
def test_subdirectory_chaining(scene: Cluster, node: str) -> None:
    """For all pods, whether the runtime's libcni does it itself or not; only for eth0."""
    for name in (f"simple-{node}", f"macvlan1-{node}"):
        scene.wait_ready(name, seconds=300)
        assert "1" == _sysctl(scene, name, "eth0", "arp_filter")
    assert "0" == _sysctl(scene, f"macvlan1-{node}", "net1", "arp_filter")


@pytest.mark.parametrize("node", NODES)
def test_a_vendors_chain(scene: Cluster, node: str) -> None:
    """The use of auxiliaryCNIChainName and passthru: a second file in that directory, run after the first."""
    scene.wait_ready(f"simple-{node}", seconds=300)

    assert "2" == _sysctl(scene, f"simple-{node}", "eth0", "arp_announce")
    assert "0" == _sysctl(scene, f"simple-{node}", "lo", "arp_announce")


def _sysctl(cluster: Cluster, name: str, interface: str, key: str) -> str:
    return _inside(cluster, name, "cat", f"/proc/sys/net/ipv4/conf/{interface}/{key}")


def test_a_device_of_a_claim(scene: Cluster, driver: dra.Driver) -> None:
    """Dynamic resource allocation: the network gets the device that was allocated for the pod's claim."""
    scene.wait_ready("claimed", seconds=300)
    claim = scene.read("resourceclaim", "card")
    (result,) = claim["status"]["allocation"]["devices"]["results"]

    assert (DRIVER, "node1", "card-0") == (result["driver"], result["pool"], result["device"])
    assert {claim["metadata"]["uid"]} == driver.prepared
    assert ["lo", "eth0", "net1"] == links(scene, "claimed")
    assert DEVICE == _inside(scene, "claimed", "cat", "/sys/class/net/net1/ifalias")

    scene.kubectl("delete", "pod", "claimed")
    scene.eventually(lambda: not driver.prepared, "the device is released")


def test_node_density(scene: Cluster) -> None:
    """Many pods on both nodes at once: each has its own address, and all addresses are released."""
    scene.kubectl("wait", "--for=condition=Ready", "pods", "--selector=app=dense", "--timeout=300s")
    pods = scene.objects("pods", "--selector", "app=dense")
    reported = {_address(body, "eth0"): _address(body, "net1") for body in pods}
    for node in NODES:
        of_node = {name: net1 for name, net1 in reported.items() if name.startswith(PODS[node])}
        assert DENSE[node] == len(of_node)
        assert of_node.items() <= _in_the_kernel(scene, node).items()

    assert 32 == len(set(reported.values()))
    scene.kubectl("delete", "pods", "--selector=app=dense")
    for node in NODES:
        scene.eventually(partial(_are_free, scene, node, set(reported.values())), f"leases of {node}")


def _are_free(cluster: Cluster, node: str, addresses: set[str]) -> bool:
    return addresses.isdisjoint(leftovers(cluster, node).get("leases", []))


def _address(body: dict[str, Any], interface: str) -> str:
    """As network-status has it; no pod has more than one of an interface."""
    entries = json.loads(body["metadata"]["annotations"][STATUS])
    ((only,),) = [entry["ips"] for entry in entries if entry["interface"] == interface]
    return str(only)


def _in_the_kernel(cluster: Cluster, node: str) -> dict[str, str]:
    """net1's address by eth0's, of all pods of the node."""
    script = "for ns in /run/netns/*; do nsenter --net=$ns ip -o -4 addr show; echo --; done"
    found = {}
    for each in cluster.node(node).sh(script).split("--\n"):
        held = dict(re.findall(r"(\S+) +inet ([\d.]+)", each))
        if {"eth0", "net1"} <= held.keys():
            found[held["eth0"]] = held["net1"]
    return found
