"""The shim's binary on a node: the daemon cannot write it, says what to do, and that command installs it again."""

from __future__ import annotations

import shlex
from typing import Any

from e2e.lab.cluster import NODE, Cluster
from e2e.objects import config, created, nad, pod, status

SHIM = "/opt/cni/bin/netattach"
PROBE = """
import urllib.error, urllib.request
try:
    print(urllib.request.urlopen("http://127.0.0.1:9690/readyz", timeout=5).read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
"""


def daemon_pod(cluster: Cluster) -> dict[str, Any]:
    """Of node1."""
    words = ("--namespace", NODE, "--field-selector", "spec.nodeName=node1")
    (found,) = [p for p in cluster.objects("pods", *words) if "deletionTimestamp" not in p["metadata"]]
    return found


def is_ready(cluster: Cluster) -> bool:
    conditions = {c["type"]: c["status"] for c in daemon_pod(cluster)["status"]["conditions"]}
    return bool(conditions["Ready"] == "True")


def test_a_shim_that_is_gone_is_reported_and_the_named_command_installs_it(installed: Cluster) -> None:
    node = installed.node("node1")
    before, plugins = node.sh(f"sha256sum {SHIM}"), node.sh("ls /opt/cni/bin")
    created(installed, nad("again", config(type="macvlan", master="eth1")))
    node.sh(f"rm {SHIM}")
    installed.eventually(lambda: not is_ready(installed), "the daemon is not ready")
    name = daemon_pod(installed)["metadata"]["name"]
    python = ("exec", "--namespace", NODE, name, "--", "/opt/netattach/bin/python", "-c", PROBE)
    answer = installed.kubectl(*python).stdout
    assert f"the shim {SHIM} is missing" in answer

    command = answer.partition("install it again: kubectl ")[2].splitlines()[0]
    installed.kubectl(*shlex.split(command))
    installed.kubectl(
        *("rollout", "status", "--namespace", NODE, "daemonset/netattach-daemon", "--timeout=300s")
    )

    assert (before, plugins) == (node.sh(f"sha256sum {SHIM}"), node.sh("ls /opt/cni/bin"))
    created(installed, pod("again", "again"))
    installed.wait_ready("again")
    assert ["eth0", "net1"] == [entry["interface"] for entry in status(installed, "again")]
    installed.kubectl("delete", "pod", "again")
    installed.kubectl("delete", "network-attachment-definition", "again")
