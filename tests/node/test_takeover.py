"""Pods that others attached before us, with the real plugins: their DEL comes to us, and nothing may be left of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from netattach_cli.demo.demo_node import DEFAULT_NETWORK
from support import multus
from support.multus import Delegate
from support.node import Node
from support.others import Others

LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.119",
}
PRIMARY = Delegate("cbr0", json.loads(DEFAULT_NETWORK))
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
def before(node: Node) -> Iterator[Others]:
    """And nothing of it may be there afterwards."""
    before = Others(node)
    yield before
    assert [] == before.files()


@pytest.mark.parametrize("release", multus.RELEASES)
def test_a_pod_that_multus_attached(before: Others, release: str) -> None:
    """Default network, a single plugin and a chain: interfaces, leases and Multus' files go."""
    node = before.node
    with node.pod() as pod:
        before.multus_adds(pod, PRIMARY, DATA, CHAIN, release=release)
        assert (["lo", "eth0", "net1", "lan"], 3) == (node.link_names(pod), len(node.leases()))

        node.delete(pod)

        assert (["lo"], [], []) == (node.link_names(pod), node.leases(), before.files())


def test_a_pod_that_multus_attached_and_whose_namespace_is_gone(before: Others) -> None:
    """The node was restarted between; what is left are leases."""
    node = before.node
    with node.pod() as pod:
        before.multus_adds(pod, PRIMARY, DATA, CHAIN)
    assert 3 == len(node.leases())

    node.delete(pod)

    assert ([], []) == (node.leases(), before.files())


def test_multus_list_is_gone_and_its_results_are_there(before: Others) -> None:
    """Multus drops its list after a DEL that failed half-way."""
    node = before.node
    with node.pod() as pod:
        before.multus_adds(pod, PRIMARY, DATA)
        before.scratch(pod).unlink()

        node.delete(pod)

        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_a_spoilt_list_fails_until_it_is_fixed(before: Others) -> None:
    """Multus says success and leaks (#1087). The text is none that containerd takes for success."""
    node = before.node
    with node.pod() as pod:
        before.multus_adds(pod, PRIMARY, DATA)
        whole = before.scratch(pod).read_bytes()
        before.scratch(pod).write_bytes(whole[:-20])

        failed = node.call("del", pod)

        assert 0 != failed.returncode
        assert before.container_id(pod) in failed.stderr
        assert "not found" not in failed.stderr
        assert "no such file or directory" not in failed.stderr
        assert 2 == len(node.leases())
        before.scratch(pod).write_bytes(whole)
        node.delete(pod)
        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_a_spoilt_list_that_is_removed(before: Others) -> None:
    """What libcni noted beside it is freed all the same."""
    node = before.node
    with node.pod() as pod:
        before.multus_adds(pod, PRIMARY, DATA)
        before.scratch(pod).write_bytes(b"{")
        assert 0 != node.call("del", pod).returncode

        before.scratch(pod).unlink()
        node.delete(pod)

        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_a_pod_that_the_default_network_attached_alone(before: Others) -> None:
    """By the configuration of its ADD, though the default network's file says something else today."""
    node = before.node
    file = node.stage.paths.conf_dir / "10-default.conflist"
    with node.pod() as pod:
        before.primary_adds(pod)
        assert (["lo", "eth0"], 1, 1) == (node.link_names(pod), len(node.leases()), len(before.files()))
        file.write_text(DEFAULT_NETWORK.replace('"cbr0"', '"other"', 1))
        try:
            node.delete(pod)
        finally:
            file.write_text(DEFAULT_NETWORK)

        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_check_of_pods_that_others_attached(before: Others) -> None:
    """It says yes, and no once an interface is gone; of a pod that nobody attached it says no."""
    node = before.node
    with node.pod() as pod, node.pod() as alone, node.pod() as unknown:
        before.multus_adds(pod, PRIMARY, DATA)
        before.primary_adds(alone)

        assert [0, 0] == [node.call("check", each).returncode for each in (pod, alone)]
        assert 0 != node.call("check", unknown).returncode
        node.in_pod(pod, "ip", "link", "delete", "net1")
        assert "net1" in node.call("check", pod).stderr
        for each in (pod, alone):
            node.delete(each)
