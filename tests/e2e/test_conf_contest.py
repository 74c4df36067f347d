"""A program on a real node that renames netattach's CNI config as Cilium does, and paths that are right on both nodes."""

from __future__ import annotations

from typing import Any

from e2e.lab.cluster import NODE, Cluster
from e2e.objects import config, created, nad, pod

CONFLIST = "/etc/cni/net.d/00-netattach.conflist"
WRITER = f"while :; do [ ! -e {CONFLIST} ] || mv {CONFLIST} {CONFLIST}.cilium_bak; sleep 0.1; done"


def _daemons(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """By node, without those that are being deleted."""
    return {
        body["spec"]["nodeName"]: body
        for body in cluster.objects("pods", "--namespace", NODE)
        if "deletionTimestamp" not in body["metadata"]
    }


def _is_ready(cluster: Cluster, node: str) -> bool:
    conditions = {c["type"]: c["status"] for c in _daemons(cluster)[node]["status"]["conditions"]}
    return bool(conditions["Ready"] == "True")


def _contests(cluster: Cluster) -> list[dict[str, Any]]:
    """The Events of the nodes."""
    return cluster.objects("events", "--field-selector", "involvedObject.kind=Node,reason=CNIConfigContested")


def test_right_paths_are_no_problem_on_either_node(installed: Cluster) -> None:
    """After calls of both runtimes that reached the daemons."""
    created(installed, nad("paths", config(type="macvlan", master="eth1")))
    for number, node in ((number, node) for number in range(2) for node in ("node1", "node2")):
        created(installed, pod(f"paths{number}-{node}", "paths", node=node))
        installed.wait_ready(f"paths{number}-{node}")

    assert [True, True] == [_is_ready(installed, node) for node in ("node1", "node2")]
    logs = [
        installed.kubectl(
            "logs", "--namespace", NODE, body["metadata"]["name"], "--container", "daemon"
        ).stdout
        for body in _daemons(installed).values()
    ]
    assert not any("is not what this container has" in log or "another shim" in log for log in logs)
    for number, node in ((number, node) for number in range(2) for node in ("node1", "node2")):
        installed.kubectl("delete", "pod", f"paths{number}-{node}")
    installed.kubectl("delete", "network-attachment-definition", "paths")


def test_a_program_that_renames_the_config_is_reported_and_not_fought(installed: Cluster) -> None:
    """As an Event of the node; a daemon that starts afterwards installs it again."""
    node = installed.node("node1")
    writer = node.sh(f"nohup sh -c '{WRITER}' >/dev/null 2>&1 & echo $!").strip()
    try:
        installed.eventually(lambda: not _is_ready(installed, "node1"), "the daemon is not ready")
        installed.eventually(lambda: _contests(installed), "the event")
        events = _contests(installed)
        assert ["node1"] == [event["involvedObject"]["name"] for event in events]
        assert "set cni.exclusive=false in Cilium's Helm values" in events[0]["message"]
        assert "CNIConfigContested" in installed.kubectl("describe", "node", "node1").stdout
    finally:
        node.sh(f"kill {writer}")
    installed.kubectl("delete", "pod", "--namespace", NODE, _daemons(installed)["node1"]["metadata"]["name"])

    installed.eventually(lambda: _is_ready(installed, "node1"), "the next daemon is ready", seconds=120)
    assert CONFLIST in node.sh(f"ls {CONFLIST}")
    node.sh(f"rm -f {CONFLIST}.cilium_bak")
