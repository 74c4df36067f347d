"""Pods that we attached and others free: after an uninstallation the runtime by itself, after a rollback Multus."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_core import own_conf
from netattach_plugin import leaving
from netattach_plugin.chained_ledger import ChainedLedger
from netattach_plugin.foreign_cache import ForeignCache
from support.node import Node
from support.others import Others

LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.119",
}
DATA = {"type": "macvlan", "master": "eth1", "capabilities": {"mac": True}, "ipam": LAN}
CHAIN = {
    "cniVersion": "1.0.0",
    "name": "chain",
    "plugins": [
        {"type": "bridge", "bridge": "mybr0", "ipam": {**LAN, "subnet": "10.0.4.0/24", "rangeStart": "10.0.4.9",
                                                       "rangeEnd": "10.0.4.9"}},
        {"type": "tuning", "mtu": 1400},
    ],
}  # fmt: skip  # one network
NETWORKS = [{"name": "data", "mac": "02:00:00:00:00:07"}, {"name": "chain", "interface": "lan"}]


@pytest.fixture
def after(node: Node) -> Iterator[Others]:
    """And nothing may be there afterwards."""
    node.create_nad("data", DATA)
    node.create_nad("chain", CHAIN)
    after = Others(node)
    yield after
    assert [] == after.files()


def _handed_over(after: Others) -> None:
    """What the daemon does when it is uninstalled."""
    asyncio.run(leaving.hand_over(*_books(after)))


def _taken_back(after: Others) -> None:
    """What it does first when it is installed again."""
    asyncio.run(leaving.take_back(*_books(after)))


def _books(after: Others) -> tuple[ChainedLedger, ForeignCache]:
    ledger = ChainedLedger(after.node.stage.places.ledger, 120)
    return ledger, ForeignCache(after.root / "multus", after.root)


def test_after_a_rollback_multus_frees_all_of_it(after: Others) -> None:
    """A network whose configuration had neither name nor version, and a chain, by what we wrote for Multus."""
    node = after.node
    with node.pod(NETWORKS) as pod:
        node.add(pod)
        _handed_over(after)
        assert (["lo", "eth0", "net1", "lan"], 3) == (node.link_names(pod), len(node.leases()))

        after.multus_deletes(pod)

        assert (["lo"], []) == (node.link_names(pod), node.leases())
        node.delete(pod)  # the ledger's entry goes when we are back, and so does what the runtime was handed


def test_after_an_uninstallation_the_runtime_frees_the_default_network(after: Others) -> None:
    """With the result of our ADD. What the other networks lease stays until we are back: the runtime does not know of them."""
    node = after.node
    with node.pod(NETWORKS) as pod:
        node.add(pod)
        _handed_over(after)

        after.primary_deletes(pod)

        assert ["lo", "net1", "lan"] == node.link_names(pod)
        assert ["chain/10.0.4.9"] == [lease for lease in node.leases() if not lease.startswith("data/")]
        assert not [name for name in after.runtimes_notes() if "cbr0" in name]
    assert 2 == len(node.leases())
    node.delete(pod)
    assert [] == node.leases()


def test_a_plain_pod_that_the_shim_attached_alone_is_handed_over_too(after: Others) -> None:
    """The daemon never met it; its note is the shim's."""
    node = after.node
    with node.pod() as pod:
        node.add(pod)
        _handed_over(after)

        after.primary_deletes(pod)

        assert (["lo"], []) == (node.link_names(pod), node.leases())
        assert not [name for name in after.runtimes_notes() if "cbr0" in name]
        _taken_back(after)
        assert [] == after.files()
        node.delete(pod)


@pytest.fixture
def behind(after: Others) -> Path:
    """Our place behind the default network's plugins, in the directory that libcni chains."""
    folder = after.node.stage.places.conf_dir / "cbr0"
    folder.mkdir()
    file = folder / own_conf.BEHIND
    file.write_text(own_conf.behind_text(str(file)))
    return file


def test_after_an_uninstallation_the_runtime_frees_all_of_it_where_it_chains_directories(
    after: Others, behind: Path
) -> None:
    """Default network, others, leases and entries; and our place goes with the last pod that holds more than that."""
    node = after.node
    with node.pod(NETWORKS) as one, node.pod("data") as two:
        node.add(one)
        node.add(two)
        _handed_over(after)

        after.primary_deletes(one)
        assert ["lo"] == node.link_names(one)
        assert behind.exists()
        after.primary_deletes(two)

        assert (["lo"], []) == (node.link_names(two), node.leases())
        assert not behind.parent.exists()
        assert [] == [name for name in node.ledger_entries() if name.endswith(".json")]
        _forget_what_was_handed_to_multus(after)
        for each in (one, two):
            node.delete(each)


def test_new_pods_are_the_default_networks_alone(after: Others, behind: Path) -> None:
    """What it answers is passed on, and its pods' DEL frees nothing of others."""
    node = after.node
    with node.pod("data") as ours, node.pod("data") as new:
        node.add(ours)
        after.primary_adds(new)
        assert ["lo", "eth0"] == node.link_names(new)

        after.primary_deletes(new)

        assert (["lo"], 2) == (node.link_names(new), len(node.leases()))
        assert ["lo", "eth0", "net1"] == node.link_names(ours)
        after.primary_deletes(ours)
        assert ([], False) == (node.leases(), behind.exists())


def test_a_plugin_that_fails_keeps_the_entry_and_our_place(after: Others, behind: Path) -> None:
    """The runtime comes again."""
    node = after.node
    binary = node.stage.places.bin_dir / "macvlan"
    where = binary.readlink()
    with node.pod("data") as pod:
        node.add(pod)
        binary.unlink()
        try:
            failed = after.primary_tries("del", pod)
        finally:
            binary.symlink_to(where)

        assert 0 != failed.returncode
        assert "not found" not in failed.stderr
        assert behind.exists()
        assert 1 == len([name for name in node.ledger_entries() if name.endswith(".json")])
        after.primary_deletes(pod)
        assert (["lo"], [], False) == (node.link_names(pod), node.leases(), behind.exists())


def _forget_what_was_handed_to_multus(after: Others) -> None:
    """Nobody who frees a pod by another way knows of it."""
    shutil.rmtree(after.root / "multus")
