"""`kubectl get nad` says on how many nodes a network is ready, and why not on the others, soon after anything changes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from e2e.lab.cluster import Cluster
from e2e.nad_watch import NadWatch
from e2e.objects import HOST_LOCAL, config, created, nad, pod

SECONDS = 5.0
"""It takes less than two; the machine may be busy with other things."""

NAME = "health"
ON_ETH1 = config(type="macvlan", master="eth1", ipam=HOST_LOCAL)


@pytest.fixture
def watched(installed: Cluster) -> Iterator[tuple[Cluster, NadWatch]]:
    """A network that is ready on both nodes."""
    created(installed, nad(NAME, ON_ETH1))
    with NadWatch(NAME) as watch:
        watch.seconds_to("2/2 Ready True", "a new network")
        yield installed, watch
        print({what: f"{seconds:.2f} s" for what, seconds in watch.measured.items()})  # noqa: T201  # for the report
    installed.patch_settings("")
    installed.kubectl("delete", "nad", NAME)


def _expected(watch: NadWatch, text: str, what: str) -> None:
    assert SECONDS > watch.seconds_to(text, what)


def test_an_interface_that_is_renamed(watched: tuple[Cluster, NadWatch]) -> None:
    cluster, watch = watched
    node2 = cluster.node("node2")
    watch.since()
    node2.sh("ip link set eth1 down; ip link set eth1 name eth7; ip link set eth7 up")
    try:
        _expected(watch, "1/2 InterfaceMissing", "an interface is renamed")
    finally:
        watch.since()
        node2.sh("ip link set eth7 down; ip link set eth7 name eth1; ip link set eth1 up")
    _expected(watch, "2/2 Ready", "it has its name again")
    assert "eth1 does not exist on node2" in cluster.kubectl("get", "events", "--output=json").stdout


def test_a_plugin_that_is_removed(watched: tuple[Cluster, NadWatch]) -> None:
    cluster, watch = watched
    node2 = cluster.node("node2")
    watch.since()
    node2.sh("mv /opt/cni/bin/macvlan /opt/cni/bin/.macvlan")
    try:
        _expected(watch, "1/2 PluginMissing", "a plugin is removed")
    finally:
        watch.since()
        node2.sh("mv /opt/cni/bin/.macvlan /opt/cni/bin/macvlan")
    _expected(watch, "2/2 Ready", "it is there again")


def test_a_daemon_that_ends(watched: tuple[Cluster, NadWatch]) -> None:
    cluster, watch = watched
    words = 'labels."io.kubernetes.container.name"==daemon'
    containers = cluster.node("node1").sh(f"ctr -n k8s.io containers ls -q '{words}'").split()
    watch.since()
    for each in containers:
        cluster.node("node1").result(f"ctr -n k8s.io tasks kill --signal SIGKILL {each}")
    _expected(watch, "1/2 DaemonNotReady", "a daemon ends")
    watch.seconds_to("2/2 Ready", "and it runs again")


def test_a_network_that_is_edited(watched: tuple[Cluster, NadWatch]) -> None:
    cluster, watch = watched
    watch.since()
    cluster.kubectl("annotate", "nad", NAME, "netattach.io/node-selector=kubernetes.io/hostname=node2")
    _expected(watch, "1/1 Ready", "it is for one node")
    watch.since()
    cluster.kubectl("annotate", "nad", NAME, "netattach.io/node-selector-")
    _expected(watch, "2/2 Ready", "it is for both nodes again")


def test_a_node_that_comes_and_goes(watched: tuple[Cluster, NadWatch]) -> None:
    cluster, watch = watched
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node3"}}
    watch.since()
    cluster.kubectl("create", "-f", "-", input=json.dumps(body))
    try:
        _expected(watch, "2/3 DaemonNotReady", "a node is added")
    finally:
        watch.since()
        cluster.kubectl("delete", "node", "node3")
    _expected(watch, "2/2 Ready", "a node is removed")


def test_a_policy_that_changes(watched: tuple[Cluster, NadWatch]) -> None:
    cluster, watch = watched
    chain = {"cniVersion": "1.0.0", "plugins": [json.loads(ON_ETH1), {"type": "tuning"}]}
    patch = {"spec": {"config": json.dumps(chain)}}
    cluster.kubectl("patch", "nad", NAME, "--type=merge", f"--patch={json.dumps(patch)}")
    watch.since()
    cluster.patch_settings("policy: {limits: {pluginsPerNetwork: 1}}")
    _expected(watch, "0/2 NotPermitted", "policy refuses the network")
    watch.since()
    cluster.patch_settings("")
    _expected(watch, "2/2 Ready", "policy permits it again")


def test_the_pods_that_are_attached_are_counted(installed: Cluster) -> None:
    """And not those that only ask for the network."""
    created(installed, nad(NAME, ON_ETH1))
    waiting = pod("health-waits", NAME)
    waiting["spec"] |= {"nodeName": "", "nodeSelector": {"nowhere": "at-all"}}
    with contextlib.ExitStack() as stack:
        stack.callback(installed.kubectl, "delete", "nad", NAME)
        created(installed, pod("health-runs", NAME), waiting)
        stack.callback(installed.kubectl, "delete", "pod", "health-runs", "health-waits")
        installed.wait_ready("health-runs")

        installed.eventually(
            lambda: installed.read("nad", NAME).get("status", {}).get("pods") == 1, "it counts"
        )
        columns = installed.kubectl("get", "nad", NAME).stdout.splitlines()

    assert "NAME PLUGINS IPAM VALID PERMITTED READY IN USE AGE" == " ".join(columns[0].split())
    assert [NAME, "macvlan", "host-local", "True", "True", "2/2", "1"] == columns[1].split()[:7]
