"""`kubectl netattach` asks a real cluster: in a healthy state, in each broken one, and as a user with few rights."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.daemons import NODES, daemon_down
from e2e.lab import places
from e2e.lab.cluster import NODE, Cluster
from e2e.objects import HOST_LOCAL, address, config, created, nad, pod
from support import require

NETWORK = "ask-lan"
FULL_NAME = f"default/{NETWORK}"
READER = "ask-reader"
"""May see networks and pods, and nothing else."""

CHECKS = ["daemons", "webhooks", "operator", "certificates", "networks", "pods", "CNI configs"]


class Netattach:
    """The plugin of kubectl, as a user runs it."""

    def __init__(self) -> None:
        self.environment = os.environ | {
            "KUBECONFIG": str(places.KUBECONFIG),
            "PATH": f"{places.binaries()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", "netattach", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def data(self, *words: str) -> Any:
        """What -o json has."""
        return json.loads(self.run(*words, "--output=json").stdout)

    def states(self, *words: str) -> dict[str, str]:
        """Of each check of `status`."""
        return {each["name"]: each["state"] for each in self.data("status", *words)["checks"]}

    def wrong(self, check: str) -> list[tuple[str, str, str]]:
        """The objects that a check says are wrong: name, where, reason."""
        (found,) = [each for each in self.data("status")["checks"] if each["name"] == check]
        return [(each["name"], each["where"], each["reason"]) for each in found["items"]]

    def on_nodes(self) -> dict[str, list[str]]:
        """The reasons of the network on each node; none where it is ready."""
        nodes = self.data("networks", FULL_NAME)["nodes"]
        return {each["node"]: [reason["reason"] for reason in each["reasons"]] for each in nodes}


@pytest.fixture(scope="module")
def netattach() -> Netattach:
    return Netattach()


@pytest.fixture(scope="module")
def running(installed: Cluster, netattach: Netattach) -> Iterator[Cluster]:
    """A network, and a pod on each node that has it."""
    created(installed, nad(NETWORK, config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    created(installed, *(pod(f"ask-{node}", NETWORK, node=node) for node in NODES))
    for node in NODES:
        installed.wait_ready(f"ask-{node}")
    done = netattach.run("status", "--wait", "--timeout=2m")
    assert 0 == done.returncode, done.stdout + done.stderr
    yield installed
    installed.kubectl("delete", "pods", "--all", "--grace-period=1")
    installed.kubectl("delete", "network-attachment-definitions", "--all")


@pytest.fixture
def healthy(running: Cluster, netattach: Netattach) -> Iterator[Cluster]:
    """In which everything works before the test and after it."""
    yield running
    done = netattach.run("status", "--wait", "--timeout=3m")
    assert 0 == done.returncode, done.stdout + done.stderr


def test_a_healthy_cluster(healthy: Cluster, netattach: Netattach) -> None:
    before = time.monotonic()
    done = netattach.run("status")
    print(f"status took {time.monotonic() - before:.2f} s")  # noqa: T201  # for the report

    assert (0, "") == (done.returncode, done.stderr)
    lines = done.stdout.splitlines()
    assert CHECKS == [line.split("   ")[0] for line in lines[1:]]
    assert "2/2 ready" in lines[1]
    assert " leads" in lines[3]
    assert "certificate valid for 89d, CA valid for 364d" in lines[4] or "valid for 90d" in lines[4]
    assert set(netattach.states().values()) == {"ok"}


def test_pods_with_what_they_have(healthy: Cluster, netattach: Netattach) -> None:
    done = netattach.run("get", "pods", "-n", "default")
    assert 0 == done.returncode, done.stderr
    for node in NODES:
        real = address(healthy, f"ask-{node}", "net1").partition("/")[0]
        (line,) = [line.split() for line in done.stdout.splitlines() if line.startswith(f"ask-{node} ")]
        assert [f"ask-{node}", node, FULL_NAME, FULL_NAME, "net1", real] == line[:6]
        assert ["True", "<none>"] == line[7:]
    assert (
        "pod/ask-node1\npod/ask-node2\n" == netattach.run("get", "pods", "-n", "default", "-o", "name").stdout
    )
    assert 1 == netattach.run("get", "pod", "nobody", "-n", "default").returncode


def test_who_uses_a_network(healthy: Cluster, netattach: Netattach) -> None:
    found = netattach.data("who-uses", FULL_NAME)

    assert [("Pod", "ask-node1", "node1"), ("Pod", "ask-node2", "node2")] == [
        (use["kind"], use["name"], use["node"]) for use in found["items"]
    ]
    assert 1 == netattach.run("who-uses", "default/no-such-network").returncode


def test_the_nodes(healthy: Cluster, netattach: Netattach) -> None:
    lines = [line.split() for line in netattach.run("nodes").stdout.splitlines()]
    assert [["node1", "ready"], ["node2", "ready"]] == [line[:2] for line in lines[1:]]

    done = netattach.run("nodes", "node1")
    assert 0 == done.returncode, done.stderr
    assert "eth1 " in done.stdout
    assert "carries the IPv4 default route" in done.stdout
    assert "macvlan " in done.stdout
    assert 1 == netattach.run("nodes", "node9").returncode


def test_the_networks(healthy: Cluster, netattach: Netattach) -> None:
    (line,) = [
        x.split()
        for x in netattach.run("networks", "-n", "default").stdout.splitlines()
        if x.startswith(NETWORK)
    ]

    assert [NETWORK, "macvlan", "True", "True", "True", "2/2"] == line[:6]
    assert {"node1": [], "node2": []} == netattach.on_nodes()


def test_an_interface_that_is_renamed(healthy: Cluster, netattach: Netattach) -> None:
    """As kubectl says it too: what a network's status counts is what the command finds on each node."""
    node2 = healthy.node("node2")
    healthy.kubectl("delete", "pod", "ask-node2", "--grace-period=1")
    node2.sh("ip link set eth1 down; ip link set eth1 name eth7; ip link set eth7 up")
    try:
        reasons = {"node1": [], "node2": ["InterfaceMissing"]}
        healthy.eventually(lambda: netattach.on_nodes() == reasons, "the network is not ready on node2")
        healthy.eventually(
            lambda: netattach.wrong("networks") == [(NETWORK, "1/2", "InterfaceMissing")],
            "the status says it",
        )
        assert 1 == netattach.run("status").returncode
        assert "eth1 does not exist" in netattach.run("nodes", "node2").stdout
        assert "node/node1\n" == netattach.run("networks", FULL_NAME, "-o", "name").stdout
    finally:
        node2.sh("ip link set eth7 down; ip link set eth7 name eth1; ip link set eth1 up")
    created(healthy, pod("ask-node2", NETWORK, node="node2"))
    healthy.wait_ready("ask-node2")


def test_a_plugin_that_is_removed(healthy: Cluster, netattach: Netattach) -> None:
    node2 = healthy.node("node2")
    node2.sh("mv /opt/cni/bin/macvlan /opt/cni/bin/.macvlan")
    try:
        reasons = {"node1": [], "node2": ["PluginMissing"]}
        healthy.eventually(lambda: netattach.on_nodes() == reasons, "the network is not ready on node2")
        healthy.eventually(
            lambda: netattach.wrong("networks") == [(NETWORK, "1/2", "PluginMissing")], "the status says it"
        )
    finally:
        node2.sh("mv /opt/cni/bin/.macvlan /opt/cni/bin/macvlan")


def test_a_webhook_that_is_absent(healthy: Cluster, netattach: Netattach) -> None:
    healthy.kubectl("delete", "validatingwebhookconfiguration", "netattach")
    try:
        done = netattach.run("status")
        assert 1 == done.returncode
        assert "not registered, so nothing is validated" in done.stdout
        assert {"webhooks": "wrong", "daemons": "ok"}.items() <= netattach.states().items()
    finally:
        healthy.kubectl("apply", "-k", require.REPOSITORY / "deploy")


def test_a_daemon_that_is_down(healthy: Cluster, netattach: Netattach) -> None:
    """On one node: its pod is there and not ready."""
    node2 = healthy.node("node2")
    words = 'labels."io.kubernetes.container.name"==daemon'
    (container,) = node2.sh(f"ctr -n k8s.io containers ls -q '{words}'").split()[-1:]
    node2.sh(f"ctr -n k8s.io tasks pause {container}")
    try:
        healthy.eventually(lambda: netattach.states()["daemons"] == "wrong", "the daemon is not ready")
        ((name, where, _),) = netattach.wrong("daemons")
        assert name.startswith("netattach-daemon-")
        assert "node2" == where
        assert {"node1": "ready", "node2": "not"} == {
            line.split()[0]: line.split()[1]
            for line in netattach.run("nodes", "--no-headers").stdout.splitlines()
        }
        healthy.eventually(
            lambda: netattach.on_nodes() == {"node1": [], "node2": ["DaemonNotReady"]}, "the network says it"
        )
    finally:
        node2.sh(f"ctr -n k8s.io tasks resume {container}")


def test_no_daemon_at_all(healthy: Cluster, netattach: Netattach) -> None:
    with daemon_down(healthy):
        done = netattach.run("status")

        assert 1 == done.returncode
        assert "0/0 ready: no node is selected" in done.stdout


def test_a_pod_that_has_lost_its_interface(healthy: Cluster, netattach: Netattach) -> None:
    """Its network-status still has it: attached does not mean still there."""
    created(healthy, pod("ask-loser", NETWORK))
    healthy.wait_ready("ask-loser")
    try:
        real = address(healthy, "ask-loser", "net1").partition("/")[0]
        script = f'for n in /run/netns/*; do nsenter --net=$n ip addr show net1 2>/dev/null | grep -q "{real}/" && '
        healthy.node("node1").sh(f"{script}nsenter --net=$n ip link delete net1 && exit 0; done; exit 1")
        healthy.eventually(
            lambda: netattach.wrong("pods") == [("ask-loser", "node1", "InterfaceMissing")], "it is reported"
        )
        (found,) = netattach.data("get", "pod", "ask-loser", "-n", "default")["items"][0]["networks"]
        assert (FULL_NAME, False, "InterfaceMissing") == (found["attached"], found["ready"], found["reason"])
        assert "default/ask-loser" in netattach.run("nodes", "node1").stdout
    finally:
        healthy.kubectl("delete", "pod", "ask-loser", "--grace-period=1")


@pytest.fixture
def reader(healthy: Cluster) -> Iterator[list[str]]:
    """The options of somebody with few rights."""
    rules = (("pods", "get,list"), ("network-attachment-definitions.k8s.cni.cncf.io", "get,list"))
    with contextlib.ExitStack() as stack:
        for number, (resource, verbs) in enumerate(rules):
            name = f"{READER}-{number}"
            healthy.kubectl("create", "clusterrole", name, f"--verb={verbs}", f"--resource={resource}")
            stack.callback(healthy.kubectl, "delete", "clusterrole", name)
            healthy.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", f"--user={READER}")
            stack.callback(healthy.kubectl, "delete", "clusterrolebinding", name)
        words = ("auth", "can-i", "list", "network-attachment-definitions.k8s.cni.cncf.io", "--as", READER)
        healthy.eventually(
            lambda: healthy.kubectl(*words, check=False).returncode == 0, "the rights are in force"
        )
        yield ["--as", READER]


def test_a_user_with_few_rights_sees_what_they_go_for(
    healthy: Cluster, netattach: Netattach, reader: list[str]
) -> None:
    done = netattach.run("status", *reader)
    assert 3 == done.returncode, done.stdout
    states = netattach.states(*reader)
    assert ("ok", "unknown", "unknown") == (states["networks"], states["daemons"], states["certificates"])
    missing = f"no right to get daemonsets.apps netattach-daemon in namespace {NODE}: whether the daemons are ready is unknown"
    assert missing in done.stderr

    pods = netattach.run("get", "pods", "-n", "default", *reader)
    assert 3 == pods.returncode
    assert 3 == pods.stdout.count("\n")
    assert "no right to list nodenetworkinventories.netattach.io" in pods.stderr

    uses = netattach.run("who-uses", FULL_NAME, *reader)
    assert 3 == uses.returncode
    assert 3 == uses.stdout.count("\n")
    assert "no right to list deployments.apps" in uses.stderr

    assert 3 == netattach.run("nodes", *reader).returncode
    assert 3 == netattach.run("networks", FULL_NAME, *reader).returncode
    assert 0 == netattach.run("networks", "-A", *reader).returncode


def test_a_user_without_any_right(healthy: Cluster, netattach: Netattach) -> None:
    for words in (["status"], ["get", "pods", "-A"], ["networks", "-A"], ["nodes"], ["who-uses", FULL_NAME]):
        done = netattach.run(*words, "--as", "nobody")

        assert 3 == done.returncode, done.stdout + done.stderr
        assert "you have no right to" in done.stderr
        assert "Traceback" not in done.stderr


def test_no_proxy_of_kubectl_stays_behind(healthy: Cluster) -> None:
    assert (
        ""
        == subprocess.run(
            ["pgrep", "-f", "kubectl.*proxy --unix-socket"], capture_output=True, text=True, check=False
        ).stdout
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["status", "--context=nowhere"], "nowhere"),
        (["status", "--kubeconfig=/nonexistent"], "/nonexistent"),
        (["status", "--as=x"], "no right to"),
    ],
)
def test_a_cluster_that_cannot_be_asked(
    healthy: Cluster, netattach: Netattach, words: list[str], said: str
) -> None:
    done = netattach.run(*words)

    assert done.returncode in {2, 3}
    assert said in done.stderr
    assert "Traceback" not in done.stderr
