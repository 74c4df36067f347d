"""Inventories: from files, and from the cluster with kubectl."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_core.api.inventory import NodeInventory
from unit.cli.samples import WORKER, Kubectl, Netattach, nad

MACVLAN = '{"cniVersion": "1.0.0", "type": "macvlan", "master": "eth0"}'


def test_the_inventories_of_the_cluster_are_read_with_kubectl(netattach: Netattach, kubectl: Kubectl) -> None:
    """From the cluster that the options name."""
    called = kubectl(WORKER)
    Path("a.yaml").write_text(nad("a", MACVLAN))
    status, out, err = netattach(
        "lint", "a.yaml", "--inventory", "cluster", "--kubeconfig", "k", "--context", "lab"
    )

    assert (1, "") == (status, err)
    assert "deny [master-default-interface]" in out
    arguments = called.read_text().split()
    assert ["--kubeconfig=k", "--context=lab", "get", "nodenetworkinventories.netattach.io"] == arguments[:4]


def test_without_options_kubectl_uses_its_own_cluster(netattach: Netattach, kubectl: Kubectl) -> None:
    called = kubectl(WORKER)
    Path("a.yaml").write_text(nad("a", MACVLAN))

    assert 1 == netattach("lint", "a.yaml", "--inventory", "cluster")[0]
    assert called.read_text().startswith("get ")


def test_a_cluster_without_the_crd_exits_with_2(netattach: Netattach, kubectl: Kubectl) -> None:
    """And prints kubectl's message."""
    kubectl(status=1, stderr='E1 retry\nerror: the server doesn\'t have a resource type "x"\n', stdout="x")
    Path("a.yaml").write_text(nad("a"))
    status, out, err = netattach("lint", "a.yaml", "--inventory", "cluster")

    assert (2, "") == (status, out)
    assert err.startswith(
        "netattach: cluster: error kubectl get nodenetworkinventories.netattach.io: the server doesn't"
    )
    assert err.endswith("; is netattach installed in it?\n")


def test_output_of_kubectl_that_is_not_json_exits_with_2(netattach: Netattach, kubectl: Kubectl) -> None:
    kubectl(stdout="hello")
    Path("a.yaml").write_text(nad("a"))

    assert (2, "", "netattach: cluster: error kubectl printed something other than JSON\n") == netattach(
        "lint", "a.yaml", "--inventory", "cluster"
    )


def test_a_missing_kubectl_exits_with_2(netattach: Netattach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "nowhere")
    Path("a.yaml").write_text(nad("a"))
    status, out, err = netattach("lint", "a.yaml", "--inventory", "cluster")

    assert (2, "") == (status, out)
    assert "kubectl is not installed" in err


def test_a_cluster_without_inventories_is_noted(netattach: Netattach, kubectl: Kubectl) -> None:
    """The rest is validated; the exit status is 0, as admission would accept it."""
    kubectl()
    Path("a.yaml").write_text(nad("a", MACVLAN))
    status, out, err = netattach("lint", "a.yaml", "--inventory", "cluster")

    assert (0, "1 NAD: nothing wrong\n") == (status, out)
    assert "no node of the cluster has reported its inventory yet" in err


def test_the_output_of_kubectl_is_an_inventory_file(netattach: Netattach, kubectl: Kubectl) -> None:
    kubectl(WORKER, NodeInventory("worker-2", WORKER.interfaces))
    Path("a.yaml").write_text(nad("a", MACVLAN))
    Path("nodes.json").write_text(Path("bin/stdout").read_text())

    assert "default interface of worker-1" in netattach("lint", "a.yaml", "--inventory", "nodes.json")[1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "- 5",
        "node: 5",
        "{node: a, interfaces: {}}",
        "{node: a, interfaces: [{name: b, mtu: x}]}",
        "a: [",
    ],
)
def test_an_invalid_inventory_exits_with_2(netattach: Netattach, text: str) -> None:
    """Otherwise its rules would find nothing, and the files would seem valid."""
    Path("a.yaml").write_text(nad("a"))
    Path("nodes.yaml").write_text(text)
    status, out, err = netattach("lint", "a.yaml", "--inventory", "nodes.yaml")

    assert (2, "") == (status, out)
    assert err.startswith("netattach: nodes.yaml:")
