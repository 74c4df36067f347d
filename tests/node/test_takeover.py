"""Pods that others attached with the real plugins before netattach was installed: netattach's DEL releases everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from netattach_cli.demo.demo_node import DEFAULT_NETWORK
from support import multus
from support.multus import Delegate
from support.node import CnitoolNode
from support.others import Others

LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.119",
}
DEFAULT = Delegate("cbr0", json.loads(DEFAULT_NETWORK))
DATA = Delegate(
    "default/data",
    {"cniVersion": "0.4.0", "name": "data", "type": "macvlan", "master": "eth1", "ipam": LAN},
)
CHAIN = Delegate(
    "default/chain",
    {
        "cniVersion": "1.0.0",
        "name": "chain",
        "plugins": [
            {"type": "bridge", "bridge": "mybr0", "ipam": {**LAN, "subnet": "10.0.4.0/24", "rangeStart": "10.0.4.9",
                                                           "rangeEnd": "10.0.4.9"}},
            {"type": "tuning", "mtu": 1400},
        ],
    },
    ifname="lan",
)  # fmt: skip  # one network


@pytest.fixture
def before(node: CnitoolNode) -> Iterator[Others]:
    """The programs that attached pods before; at the end no cache file may be left."""
    before = Others(node)
    yield before
    assert [] == before.files()


@pytest.mark.parametrize("release", multus.RELEASES)
def test_a_pod_that_multus_attached(before: Others, release: str) -> None:
    """Removes interfaces, leases and Multus' files of the default network, a single plugin and a chain."""
    node = before.node
    with node.pod() as pod:
        before.multus_add(pod, DEFAULT, DATA, CHAIN, release=release)
        assert (["lo", "eth0", "net1", "lan"], 3) == (node.link_names(pod), len(node.leases()))

        node.delete(pod)

        assert (["lo"], [], []) == (node.link_names(pod), node.leases(), before.files())


def test_a_pod_that_multus_attached_without_its_namespace(before: Others) -> None:
    """After a restart of the node only leases are left."""
    node = before.node
    with node.pod() as pod:
        before.multus_add(pod, DEFAULT, DATA, CHAIN)
    assert 3 == len(node.leases())

    node.delete(pod)

    assert ([], []) == (node.leases(), before.files())


def test_results_without_multus_list(before: Others) -> None:
    """Multus removes its list even if its DEL fails."""
    node = before.node
    with node.pod() as pod:
        before.multus_add(pod, DEFAULT, DATA)
        before.multus_list(pod).unlink()

        node.delete(pod)

        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_del_fails_until_a_damaged_list_is_fixed(before: Others) -> None:
    """Multus succeeds and leaks (issue #1087). containerd must not mistake the message for success."""
    node = before.node
    with node.pod() as pod:
        before.multus_add(pod, DEFAULT, DATA)
        whole = before.multus_list(pod).read_bytes()
        before.multus_list(pod).write_bytes(whole[:-20])

        failed = node.call("del", pod)

        assert 0 != failed.returncode
        assert before.container_id(pod) in failed.stderr
        assert "not found" not in failed.stderr
        assert "no such file or directory" not in failed.stderr
        assert 2 == len(node.leases())
        before.multus_list(pod).write_bytes(whole)
        node.delete(pod)
        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_a_damaged_list_that_is_removed(before: Others) -> None:
    """DEL uses libcni's results without it."""
    node = before.node
    with node.pod() as pod:
        before.multus_add(pod, DEFAULT, DATA)
        before.multus_list(pod).write_bytes(b"{")
        assert 0 != node.call("del", pod).returncode

        before.multus_list(pod).unlink()
        node.delete(pod)

        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_a_pod_that_the_runtime_attached_without_a_meta_plugin(before: Others) -> None:
    """By the configuration of its ADD, though the default network's file has changed."""
    node = before.node
    file = node.stage.paths.conf_dir / "10-default.conflist"
    with node.pod() as pod:
        before.runtime_add(pod)
        assert (["lo", "eth0"], 1, 1) == (node.link_names(pod), len(node.leases()), len(before.files()))
        file.write_text(DEFAULT_NETWORK.replace('"cbr0"', '"other"', 1))
        try:
            node.delete(pod)
        finally:
            file.write_text(DEFAULT_NETWORK)

        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_check_of_pods_that_others_attached(before: Others) -> None:
    """Succeeds, and fails once an interface is gone, and for a pod that was never attached."""
    node = before.node
    with node.pod() as pod, node.pod() as alone, node.pod() as unknown:
        before.multus_add(pod, DEFAULT, DATA)
        before.runtime_add(alone)

        assert [0, 0] == [node.call("check", each).returncode for each in (pod, alone)]
        assert 0 != node.call("check", unknown).returncode
        node.in_pod(pod, "ip", "link", "delete", "net1")
        assert "net1" in node.call("check", pod).stderr
        for each in (pod, alone):
            node.delete(each)
