"""Objects as a user writes them, and what many tests look at."""

from __future__ import annotations

import contextlib
import functools
import json
import shlex
from collections.abc import Iterator
from typing import Any

from e2e.lab.cluster import Cluster
from e2e.lab.nodes import LabNode

NETWORKS = "k8s.v1.cni.cncf.io/networks"
STATUS = "k8s.v1.cni.cncf.io/network-status"

HOST_LOCAL = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.200",
    "rangeEnd": "10.0.3.209",
}


_SLEEP = ("sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait")
"""The kernel keeps signals from a container's first process that it has no handler for."""


def config(**keys: Any) -> str:
    return json.dumps({"cniVersion": "1.0.0", **keys})


def nad(name: str, config: str, namespace: str = "default") -> dict[str, Any]:
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"config": config},
    }


def pod(
    name: str,
    networks: str | list[dict[str, Any]] = "",
    *,
    node: str = "node1",
    namespace: str = "default",
) -> dict[str, Any]:
    """A pod that sleeps. It ends at once on SIGTERM, so that tests need not wait for its grace period."""
    text = networks if isinstance(networks, str) else json.dumps(networks)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {NETWORKS: text} if text else {},
        },
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "sleep", "image": "localhost/lab:1", "command": list(_SLEEP)}],
        },
    }


def created(cluster: Cluster, *objects: dict[str, Any]) -> str:
    """What kubectl prints for objects that are accepted, with warnings."""
    done = cluster.kubectl("create", "-f", "-", input="\n---\n".join(map(json.dumps, objects)))
    return done.stdout + done.stderr


def wait_webhooks(cluster: Cluster) -> None:
    """The API server keeps connections; one to a pod on a node that is gone never answers, and the next request closes it."""
    tried = json.dumps(nad("tried", config(type="macvlan", master="eth1")))
    words = ("create", "--dry-run=server", "-f", "-")
    cluster.eventually(
        lambda: cluster.kubectl(*words, input=tried, check=False).returncode == 0, "the webhooks answer"
    )


def status(cluster: Cluster, name: str, namespace: str = "default") -> list[dict[str, Any]]:
    """The pod's network-status."""
    text = cluster.read("pod", name, namespace)["metadata"]["annotations"][STATUS]
    entries: list[dict[str, Any]] = json.loads(text)
    return entries


@contextlib.contextmanager
def plugins(cluster: Cluster, node: str, **scripts: str) -> Iterator[None]:
    """Installs CNI plugins in sh on the node, and waits until all webhooks admit networks with them."""
    for name, script in scripts.items():
        program, hidden = f"/opt/cni/bin/{name}", f"/opt/cni/bin/.{name}"
        text = shlex.quote(f"#!/bin/sh\n{script}\n")
        cluster.node(node).sh(f"printf %s {text} >{hidden}; chmod 755 {hidden}; mv {hidden} {program}")
    try:
        cluster.eventually(lambda: scripts.keys() <= _plugins(cluster, node), f"{node}'s inventory")
        for name in scripts:
            _wait_until_admitted(cluster, name)
        yield
    finally:
        cluster.node(node).sh(f"cd /opt/cni/bin; rm {' '.join(scripts)}")


def _wait_until_admitted(cluster: Cluster, plugin: str) -> None:
    """By each webhook itself: the API server asks any of them, and one may see the inventory later than the others."""
    words = ("--namespace", "netattach-system", "--selector", "app.kubernetes.io/component=webhooks")
    for replica in cluster.objects("pods", *words):
        if "deletionTimestamp" not in replica["metadata"]:
            name = replica["metadata"]["name"]
            admits = functools.partial(_admits, cluster, name, plugin)
            cluster.eventually(admits, f"{name} admits {plugin}")


def _admits(cluster: Cluster, replica: str, plugin: str) -> bool:
    request = {
        "uid": "u",
        "operation": "CREATE",
        "kind": {"group": "k8s.cni.cncf.io", "version": "v1", "kind": "NetworkAttachmentDefinition"},
        "name": plugin,
        "namespace": "default",
        "object": nad(plugin, config(type=plugin)),
        "userInfo": {"username": "kubernetes-admin"},
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    path = f"/api/v1/namespaces/netattach-system/pods/https:{replica}:8443/proxy/nads"
    done = cluster.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(review), check=False)
    return done.returncode == 0 and json.loads(done.stdout)["response"]["allowed"] is True


def _plugins(cluster: Cluster, node: str) -> set[str]:
    reported = cluster.read("nodenetworkinventory", node)["status"]["plugins"]
    return {each["name"] for each in reported}


def links(cluster: Cluster, pod_name: str, namespace: str = "default") -> list[str]:
    """The interfaces in the pod, as the kernel lists them."""
    output = cluster.kubectl("exec", "--namespace", namespace, pod_name, "--", "ip", "-o", "link").stdout
    return [line.split(": ")[1].partition("@")[0] for line in output.splitlines()]


def interfaces(node: LabNode) -> set[str]:
    """The interfaces of the node itself."""
    return {line.split(": ")[1].partition("@")[0] for line in node.sh("ip -o link").splitlines()}


def address(cluster: Cluster, pod_name: str, interface: str, namespace: str = "default") -> str:
    """The interface's first IPv4 address with its length, as the kernel lists it."""
    output = cluster.kubectl(
        *("exec", "--namespace", namespace, pod_name, "--", "ip", "-o", "-4", "addr", "show", interface)
    ).stdout
    return output.split()[3]


def pings(cluster: Cluster, pod_name: str, to: str, interface: str = "net1") -> bool:
    words = ("exec", pod_name, "--", "ping", "-c", "1", "-W", "5", "-I", interface, to)
    return cluster.kubectl(*words, check=False).returncode == 0


def leftovers(cluster: Cluster, node: str) -> dict[str, list[str]]:
    """What the tests' pods may leave on a node: leases of secondary networks, ledger entries, links."""
    script = (
        'grep -aslE \'"namespace": "(default|other)"|K8S_POD_NAMESPACE=(default|other);\' '
        "/var/lib/cni/netattach/* /var/lib/cni/netattach/chains/*/*; echo --; "
        "for d in /var/lib/cni/networks/*; do case $d in */cbr0) ;; *) ls $d;; esac; done; echo --; "
        "ip -o link show type macvlan; ip -o link show type ipvlan; ip -o link show type vlan; ip -o link show master mybr0; true"
    )
    ledger, leases, made = cluster.node(node).sh(script).split("--\n")
    found = {
        "ledger": ledger.split(),
        "leases": [name for name in leases.split() if name[0].isdigit()],
        "links": made.splitlines(),
    }
    return {what: names for what, names in found.items() if names}
