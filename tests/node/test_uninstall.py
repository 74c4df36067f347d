"""Pods that we attached and others free: after an uninstallation the runtime by itself, after a rollback Multus."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo.stage import DEFAULT_NETWORK
from netattach_core.cni import netattach_conf
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.state import handover
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.shim_ledger import ShimLedger
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
    asyncio.run(handover.hand_over(*_books(after)))


def _taken_back(after: Others) -> None:
    """What it does first when it is installed again."""
    asyncio.run(handover.take_back(*_books(after)))


def _books(after: Others) -> tuple[ShimLedger, CniCaches]:
    ledger = ShimLedger(after.node.stage.places.ledger, 120)
    return ledger, CniCaches(after.root / "multus", after.root)


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
def ours(after: Others) -> Iterator[UninstallChain]:
    """Ours at the end of the default network's plugins, once they are taken; a test's end is our return."""
    stage = after.node.stage.places
    ours = UninstallChain(stage.conf_dir, ShimFiles(stage.ledger).chains)
    yield ours
    ours.give_up()


@pytest.fixture
def primary_file(node: Node) -> Iterator[Path]:
    """The default network's file; it is put back."""
    path = node.stage.places.conf_dir / "10-default.conflist"
    yield path
    path.with_suffix(".conf").unlink(missing_ok=True)
    path.write_text(DEFAULT_NETWORK)


@pytest.fixture
def behind(after: Others, ours: UninstallChain) -> Path:
    """The one in the directory that libcni chains, and no other: that a runtime uses both is another test's."""
    ours.take()
    _stand_in(after).unlink()
    return after.node.stage.places.conf_dir / "cbr0" / netattach_conf.CHAINED_FILE_NAME


def _stand_in(after: Others) -> Path:
    return after.node.stage.places.conf_dir / netattach_conf.UNINSTALL_FILE_NAME


def _what_is_left(after: Others) -> list[str]:
    """Of our places."""
    conf = after.node.stage.places.conf_dir
    paths = [_stand_in(after), conf / "cbr0", ShimFiles(after.node.stage.places.ledger).stand_in]
    return [path.name for path in paths if path.exists()]


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
    with node.pod("data") as pod, node.pod("data") as new:
        node.add(pod)
        after.primary_adds(new)
        assert ["lo", "eth0"] == node.link_names(new)

        after.primary_deletes(new)

        assert (["lo"], 2) == (node.link_names(new), len(node.leases()))
        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        after.primary_deletes(pod)
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


@pytest.mark.parametrize("runtime", ["earlier_runtime", "primary_tries"])
def test_all_is_freed_whether_the_runtime_chains_directories_or_not(
    after: Others, ours: UninstallChain, runtime: str
) -> None:
    """Default network, others, leases and entries; new pods start meanwhile; and with the last of ours our places go."""
    node, call = after.node, getattr(after, runtime)
    with node.pod(NETWORKS) as one, node.pod("data") as two, node.pod("data") as new:
        node.add(one)
        node.add(two)
        ours.take()
        _handed_over(after)

        assert 0 == call("add", new).returncode
        assert ["lo", "eth0"] == node.link_names(new)
        assert 0 == call("del", one).returncode
        assert ["lo"] == node.link_names(one)
        assert ["lo", "eth0", "net1"] == node.link_names(two)
        assert _stand_in(after).exists()
        assert 0 == call("del", two).returncode

        assert ["lo"] == node.link_names(two)
        assert [] == _what_is_left(after)
        assert [] == [name for name in node.ledger_entries() if name.endswith(".json")]
        assert ["lo", "eth0"] == node.link_names(new)
        assert 0 == call("del", new).returncode
        assert (["lo"], []) == (node.link_names(new), node.leases())
        _forget_what_was_handed_to_multus(after)


def test_a_primary_that_is_a_single_conf(after: Others, ours: UninstallChain, primary_file: Path) -> None:
    """Is freed like a list, and new pods start in it."""
    node = after.node
    with node.pod("data") as pod, node.pod() as new:
        node.add(pod)
        (chain,) = json.loads(DEFAULT_NETWORK)["plugins"]
        primary_file.unlink()
        primary_file.with_suffix(".conf").write_text(
            json.dumps({"cniVersion": "0.3.1", "name": "cbr0", **chain})
        )
        ours.take()
        _handed_over(after)
        assert 0 == after.earlier_runtime("add", new).returncode
        assert ["lo", "eth0"] == node.link_names(new)
        assert 0 == after.earlier_runtime("del", new).returncode
        assert _stand_in(after).exists()

        assert 0 == after.earlier_runtime("del", pod).returncode

        assert (["lo"], [], []) == (node.link_names(pod), node.leases(), _what_is_left(after))
        _forget_what_was_handed_to_multus(after)


@pytest.mark.parametrize("spoilt", ["primary", "stand-in"])
def test_a_stand_in_that_has_grown_old_goes_when_a_pod_starts(
    after: Others, ours: UninstallChain, primary_file: Path, spoilt: str
) -> None:
    """That pod starts. What runs on is freed where directories are chained, else once we are back."""
    node = after.node
    with node.pod("data") as one, node.pod("data") as two, node.pod() as new:
        node.add(one)
        node.add(two)
        ours.take()
        _handed_over(after)
        seen = after.taken_first()
        if spoilt == "primary":
            primary_file.write_text(DEFAULT_NETWORK.replace('"isGateway"', '"mtu":1400,"isGateway"'))
        else:
            _stand_in(after).write_text("{")

        assert 0 == after.earlier_runtime("add", new, seen).returncode

        assert ["lo", "eth0"] == node.link_names(new)
        assert not _stand_in(after).exists()
        assert primary_file.name == after.taken_first().name
        assert 0 == after.earlier_runtime("del", new).returncode
        assert ["lo"] == node.link_names(new)
        assert 0 == after.primary_tries("del", one).returncode
        assert (["lo"], 2) == (node.link_names(one), len(node.leases()))
        ours.give_up()
        node.delete(two)
        assert (["lo"], []) == (node.link_names(two), node.leases())
    _forget_what_was_handed_to_multus(after)


def test_a_pod_that_was_made_meanwhile_is_freed_when_we_are_back(after: Others, ours: UninstallChain) -> None:
    """By what the runtime noted of it; our place in that chain is nobody's network."""
    node = after.node
    with node.pod("data") as pod, node.pod() as new:
        node.add(pod)
        ours.take()
        assert 0 == after.earlier_runtime("add", new).returncode
        ours.give_up()
        _taken_back(after)

        node.delete(new)

        assert (["lo"], ["lo", "eth0", "net1"]) == (node.link_names(new), node.link_names(pod))
        assert [] == after.files()
        node.delete(pod)
        assert [] == node.leases()


def _forget_what_was_handed_to_multus(after: Others) -> None:
    """Nobody who frees a pod by another way knows of it."""
    shutil.rmtree(after.root / "multus")
