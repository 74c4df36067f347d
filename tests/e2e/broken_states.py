"""A cluster with a network and a pod on each node, and the states in which one thing is broken on node2.

A state begins when the API shows it, so that each command that is run in it finds it. Where the network is not ready, a pod
`late` asks for it on node2 in vain: it is held back until then, because the webhooks would refuse it.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from e2e.daemons import NODES
from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, address, config, created, nad, pod
from support import require

NETWORK = "lan"
FULL_NAME = f"default/{NETWORK}"
LATE, USER = "late", "ask-node2"

CONFIG = config(plugins=[{"type": "macvlan", "master": "eth1", "ipam": HOST_LOCAL}, {"type": "sbr"}])
_PLUGIN, _HIDDEN = "/opt/cni/bin/sbr", "/opt/cni/bin/.sbr"
"""Of those that no native driver replaces."""


@contextlib.contextmanager
def network_in_use(cluster: Cluster) -> Iterator[None]:
    """The network, and a pod on each node that has it: ask-node1 and ask-node2."""
    created(cluster, nad(NETWORK, CONFIG))
    created(cluster, *(pod(f"ask-{node}", NETWORK, node=node) for node in NODES))
    for node in NODES:
        cluster.wait_ready(f"ask-{node}")
    yield
    cluster.kubectl("delete", "pods", "--all", "--grace-period=1")
    cluster.kubectl("delete", "network-attachment-definitions", "--all")


@contextlib.contextmanager
def healthy(cluster: Cluster) -> Iterator[None]:
    cluster.eventually(lambda: _nodes(cluster)["summary"] == "2/2", "the network is ready")
    yield


@contextlib.contextmanager
def daemon_down(cluster: Cluster) -> Iterator[None]:
    """It is there, and does nothing."""
    node2 = cluster.node("node2")
    words = 'labels."io.kubernetes.container.name"==daemon'
    (container,) = node2.sh(f"ctr -n k8s.io containers ls -q '{words}'").split()[-1:]
    with _late(cluster) as release:
        node2.sh(f"ctr -n k8s.io tasks pause {container}")
        try:
            _wait_not_ready(cluster, "DaemonNotReady")
            release()
            yield
        finally:
            node2.sh(f"ctr -n k8s.io tasks resume {container}")


@contextlib.contextmanager
def plugin_removed(cluster: Cluster) -> Iterator[None]:
    with _late(cluster) as release:
        cluster.node("node2").sh(f"mv {_PLUGIN} {_HIDDEN}")
        try:
            _wait_not_ready(cluster, "PluginMissing")
            release()
            _wait_failed(cluster)
            yield
        finally:
            cluster.node("node2").sh(f"mv {_HIDDEN} {_PLUGIN}")


@contextlib.contextmanager
def interface_renamed(cluster: Cluster) -> Iterator[None]:
    with _late(cluster) as release:
        _rename(cluster, "eth1", "eth7")
        try:
            _wait_not_ready(cluster, "InterfaceMissing")
            release()
            _wait_failed(cluster)
            yield
        finally:
            _rename(cluster, "eth7", "eth1")


@contextlib.contextmanager
def webhook_absent(cluster: Cluster) -> Iterator[None]:
    """Its registration is: nothing is validated."""
    cluster.kubectl("delete", "validatingwebhookconfiguration", "netattach")
    try:
        yield
    finally:
        cluster.kubectl("apply", "-k", require.REPOSITORY / "deploy")


@contextlib.contextmanager
def unmet_pod(cluster: Cluster) -> Iterator[None]:
    """A pod that runs has lost its interface; its network-status still has it."""
    real = address(cluster, USER, "net1").partition("/")[0]
    script = (
        f'for n in /run/netns/*; do nsenter --net=$n ip addr show net1 2>/dev/null | grep -q "{real}/" && '
    )
    cluster.node("node2").sh(f"{script}nsenter --net=$n ip link delete net1 && exit 0; done; exit 1")
    try:
        cluster.eventually(lambda: _unmet(cluster) == [USER], "the pod is reported")
        yield
    finally:
        cluster.kubectl("delete", "pod", USER, "--grace-period=1")
        created(cluster, pod(USER, NETWORK, node="node2"))
        cluster.wait_ready(USER)


STATES: dict[str, Callable[[Cluster], AbstractContextManager[None]]] = {
    "healthy": healthy,
    "daemon-down": daemon_down,
    "plugin-removed": plugin_removed,
    "interface-renamed": interface_renamed,
    "webhook-absent": webhook_absent,
    "unmet-pod": unmet_pod,
}


@contextlib.contextmanager
def _late(cluster: Cluster) -> Iterator[Callable[[], None]]:
    """The pod; returns what lets it go to its node."""
    body = pod(LATE, NETWORK, node="")
    body["spec"] |= {
        "nodeSelector": {"kubernetes.io/hostname": "node2"},
        "schedulingGates": [{"name": "test/held-back"}],
    }

    def release() -> None:
        patch = json.dumps([{"op": "remove", "path": "/spec/schedulingGates"}])
        cluster.kubectl("patch", "pod", LATE, "--type=json", f"--patch={patch}")
        cluster.eventually(lambda: cluster.read("pod", LATE)["spec"].get("nodeName"), f"{LATE} has a node")

    created(cluster, body)
    try:
        yield release
    finally:
        cluster.kubectl("delete", "pod", LATE, "--grace-period=1")


def _rename(cluster: Cluster, before: str, after: str) -> None:
    cluster.node("node2").sh(
        f"ip link set {before} down; ip link set {before} name {after}; ip link set {after} up"
    )


def _wait_failed(cluster: Cluster) -> None:
    cluster.eventually(lambda: cluster.events(LATE, "FailedAttachment"), f"{LATE} cannot be attached")


def _wait_not_ready(cluster: Cluster, reason: str) -> None:
    cluster.eventually(
        lambda: [each["reason"] for each in _nodes(cluster).get("reasons", ())] == [reason],
        f"the network is not ready on a node: {reason}",
    )


def _nodes(cluster: Cluster) -> dict[str, Any]:
    """Of the network's status."""
    found: dict[str, Any] = cluster.read("nad", NETWORK).get("status", {}).get("nodes", {"summary": ""})
    return found


def _unmet(cluster: Cluster) -> list[str]:
    reported = cluster.read("nodenetworkinventory", "node2")["status"].get("unmetPods") or {"pods": []}
    return [each["name"] for each in reported["pods"]]
