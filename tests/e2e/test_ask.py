"""`kubectl netattach` asks a real, healthy cluster, also as a user with few rights; `test_ask_states` breaks the cluster."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.daemons import NODES, daemon_down
from e2e.lab.cluster import NODE, Cluster
from e2e.netattach_command import Netattach
from e2e.objects import HOST_LOCAL, address, config, created, nad, pod

NETWORK = "ask-lan"
FULL_NAME = f"default/{NETWORK}"
READER = "ask-reader"
"""May see networks and pods, and nothing else."""

CHECKS = ["daemons", "webhooks", "operator", "certificates", "networks", "pods", "CNI configs"]


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
    netattach.wait_healthy()
    yield installed
    installed.kubectl("delete", "pods", "--all", "--grace-period=1")
    installed.kubectl("delete", "network-attachment-definitions", "--all")


@pytest.fixture
def healthy(running: Cluster, netattach: Netattach) -> Iterator[Cluster]:
    """In which everything works before the test and after it."""
    yield running
    netattach.wait_healthy()


def _states(netattach: Netattach, *words: str) -> dict[str, str]:
    """Of each check of `status`."""
    return {each["name"]: each["state"] for each in netattach.data("status", *words)["checks"]}


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
    assert set(_states(netattach).values()) == {"ok"}


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
    nodes = netattach.data("networks", FULL_NAME)["nodes"]
    assert {"node1": [], "node2": []} == {each["node"]: each["reasons"] for each in nodes}


def test_no_daemon_at_all(healthy: Cluster, netattach: Netattach) -> None:
    with daemon_down(healthy):
        done = netattach.run("status")

        assert 1 == done.returncode
        assert "0/0 ready: no node is selected" in done.stdout


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
    states = _states(netattach, *reader)
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


def test_a_user_with_few_rights_gets_further_verbs_as_far_as_they_go(
    healthy: Cluster, netattach: Netattach, reader: list[str], tmp_path: Path
) -> None:
    """Each says what is missing; nothing that could not be read is called sound."""
    said = {
        "explain": (
            ["explain", "default/ask-node1"],
            "the pod has all 1 networks",
            "list events in namespace default",
        ),
        "simulate": (
            ["simulate", "-n", "default", "-f", _pod_file(tmp_path)],
            "default/web   would be created",
            "list nodenetworkinventories.netattach.io",
        ),
        "doctor": (
            ["doctor", "node/node1"],
            "it cannot be read with your rights",
            "get nodenetworkinventories.netattach.io node1",
        ),
        "graph": (
            ["graph", "-n", "default", "-o", "mermaid"],
            "default/ask-node1",
            "list nodenetworkinventories.netattach.io",
        ),
        "bundle": (["bundle", "-f", str(tmp_path / "b.tar.gz")], "wrote ", "list nodes"),
    }
    for words, shown, right in said.values():
        done = netattach.run(*words, *reader)
        assert 3 == done.returncode, done.stdout + done.stderr
        assert shown in done.stdout
        assert f"incomplete: you have no right to {right}: " in done.stderr
        assert "Traceback" not in done.stderr
    cells = netattach.data("graph", "-n", "default", *reader)["rows"][0]["cells"]
    assert {"ready"}.isdisjoint(each["state"] for each in cells)
    states = {each["part"]: each["state"] for each in netattach.data("doctor", "node1", *reader)["diagnoses"]}
    assert "ok" == states.pop("daemon")  # pods may be read
    assert {"unknown", "not visible"} == set(states.values())
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        gaps = archive.extractfile("netattach-bundle/incomplete.txt")
        assert gaps
        assert b"you have no right to list nodes: " in gaps.read()


def _pod_file(directory: Path) -> str:
    file = directory / "web.json"
    file.write_text(json.dumps(pod("web", NETWORK, node="")))
    return str(file)


def test_a_user_without_any_right(healthy: Cluster, netattach: Netattach, tmp_path: Path) -> None:
    for words in (
        ["status"],
        ["get", "pods", "-A"],
        ["networks", "-A"],
        ["networks", FULL_NAME],
        ["nodes"],
        ["nodes", "node1"],
        ["who-uses", FULL_NAME],
        ["explain", "default/ask-node1"],
        ["simulate", "-n", "default", "-f", _pod_file(tmp_path)],
        ["doctor", "node1"],
        ["bundle", "-f", str(tmp_path / "bundle.tar.gz")],
        ["graph", "-A"],
    ):
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
