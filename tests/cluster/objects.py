"""Objects as a user writes them, and what tests look at again and again."""

from __future__ import annotations

import json
from typing import Any

from cluster.lab.cluster import Cluster

NETWORKS = "k8s.v1.cni.cncf.io/networks"
STATUS = "k8s.v1.cni.cncf.io/network-status"

HOST_LOCAL = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.200",
    "rangeEnd": "10.0.3.209",
}


def conf(**keys: Any) -> str:
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
    """A pod that sleeps. It ends at once when it is told to, so that tests need not wait for its grace."""
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
            "containers": [{"name": "sleep", "image": "localhost/lab:1", "command": ["sleep", "1000000"]}],
        },
    }


def created(cluster: Cluster, *objects: dict[str, Any]) -> str:
    """What kubectl prints of an object that is taken, its warnings among it."""
    done = cluster.kubectl("create", "-f", "-", input="\n---\n".join(map(json.dumps, objects)))
    return done.stdout + done.stderr


def status(cluster: Cluster, name: str, namespace: str = "default") -> list[dict[str, Any]]:
    """The pod's network-status."""
    text = cluster.read("pod", name, namespace)["metadata"]["annotations"][STATUS]
    entries: list[dict[str, Any]] = json.loads(text)
    return entries


def links(cluster: Cluster, pod_name: str, namespace: str = "default") -> list[str]:
    """The interfaces in the pod, as its own kernel lists them, in their order."""
    said = cluster.kubectl("exec", "--namespace", namespace, pod_name, "--", "ip", "-o", "link").stdout
    return [line.split(": ")[1].partition("@")[0] for line in said.splitlines()]


def address(cluster: Cluster, pod_name: str, interface: str, namespace: str = "default") -> str:
    """The interface's first IPv4 address with its length, as the pod's own kernel says it."""
    said = cluster.kubectl(
        *("exec", "--namespace", namespace, pod_name, "--", "ip", "-o", "-4", "addr", "show", interface)
    ).stdout
    return said.split()[3]


def pings(cluster: Cluster, pod_name: str, to: str, interface: str = "net1") -> bool:
    words = ("exec", pod_name, "--", "ping", "-c", "1", "-W", "5", "-I", interface, to)
    return cluster.kubectl(*words, check=False).returncode == 0


def leftovers(cluster: Cluster, node: str) -> dict[str, list[str]]:
    """What pods of tests may leave on a node: leases of secondary networks, ledger entries, links that we made."""
    script = (
        'grep -lE \'"namespace": "(default|other)"\' /var/lib/cni/netattach/*; echo --; '
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
