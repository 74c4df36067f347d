"""Pods that netattach attached and others release: the runtime after an uninstall, Multus after a rollback."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo.demo_node import DEFAULT_NETWORK
from netattach_core.cni import netattach_conf
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.state import handover
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.shim_ledger import ShimLedger
from support.node import CnitoolNode
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
def after(node: CnitoolNode) -> Iterator[Others]:
    """The programs that release pods afterwards; at the end no cache file may be left."""
    node.create_nad("data", DATA)
    node.create_nad("chain", CHAIN)
    after = Others(node)
    yield after
    assert [] == after.files()


def _export(after: Others) -> None:
    """As the daemon does at an uninstall."""
    asyncio.run(handover.export(*_ledger_and_caches(after)))


def _reclaim(after: Others) -> None:
    """As the daemon does at the start."""
    asyncio.run(handover.reclaim(*_ledger_and_caches(after)))


def _ledger_and_caches(after: Others) -> tuple[ShimLedger, CniCaches]:
    ledger = ShimLedger(after.node.stage.paths.ledger, 120)
    return ledger, CniCaches(after.root / "multus", after.root)


def test_after_a_rollback_multus_releases_everything(after: Others) -> None:
    """By the exported files: a network with neither name nor version in its configuration, and a chain."""
    node = after.node
    with node.pod(NETWORKS) as pod:
        node.add(pod)
        _export(after)
        assert (["lo", "eth0", "net1", "lan"], 3) == (node.link_names(pod), len(node.leases()))

        after.multus_delete(pod)

        assert (["lo"], []) == (node.link_names(pod), node.leases())
        node.delete(pod)  # the next installation removes the ledger's entry and the runtime's cache files


def test_after_an_uninstall_the_runtime_releases_the_default_network(after: Others) -> None:
    """With the result of netattach's ADD. The leases of secondary networks, unknown to the runtime, wait for netattach."""
    node = after.node
    with node.pod(NETWORKS) as pod:
        node.add(pod)
        _export(after)

        after.runtime_delete(pod)

        assert ["lo", "net1", "lan"] == node.link_names(pod)
        assert ["chain/10.0.4.9"] == [lease for lease in node.leases() if not lease.startswith("data/")]
        assert not [name for name in after.runtime_cache() if "cbr0" in name]
    assert 2 == len(node.leases())
    node.delete(pod)
    assert [] == node.leases()


def test_a_pod_that_the_shim_attached_without_the_daemon_is_exported_too(after: Others) -> None:
    """From the shim's record."""
    node = after.node
    with node.pod() as pod:
        node.add(pod)
        _export(after)

        after.runtime_delete(pod)

        assert (["lo"], []) == (node.link_names(pod), node.leases())
        assert not [name for name in after.runtime_cache() if "cbr0" in name]
        _reclaim(after)
        assert [] == after.files()
        node.delete(pod)


@pytest.fixture
def chain(after: Others) -> Iterator[UninstallChain]:
    """Appends the shim to the default network's plugins when a test installs it; removed at the end."""
    places = after.node.stage.paths
    chain = UninstallChain(places.conf_dir, places.ledger)
    yield chain
    chain.remove()


@pytest.fixture
def default_network_file(node: CnitoolNode) -> Iterator[Path]:
    """Restored at the end."""
    path = node.stage.paths.conf_dir / "10-default.conflist"
    yield path
    path.with_suffix(".conf").unlink(missing_ok=True)
    path.write_text(DEFAULT_NETWORK)


@pytest.fixture
def plugin_file(after: Others, chain: UninstallChain) -> Path:
    """The file that libcni appends, without the conflist's copy."""
    chain.install()
    _copy(after).unlink()
    return after.node.stage.paths.conf_dir / "cbr0" / netattach_conf.CHAINED_FILE_NAME


def _copy(after: Others) -> Path:
    return after.node.stage.paths.conf_dir / netattach_conf.UNINSTALL_FILE_NAME


def _left_of_chain(after: Others) -> list[str]:
    """The names of its existing files."""
    config = after.node.stage.paths.conf_dir
    paths = [_copy(after), config / "cbr0", ShimFiles(after.node.stage.paths.ledger).stand_in]
    return [path.name for path in paths if path.exists()]


def test_after_an_uninstall_a_runtime_that_appends_plugins_from_directories_releases_everything(
    after: Others, plugin_file: Path
) -> None:
    """Default network, secondary networks, leases and entries; the last pod with secondary networks removes the file."""
    node = after.node
    with node.pod(NETWORKS) as one, node.pod("data") as two:
        node.add(one)
        node.add(two)
        _export(after)

        after.runtime_delete(one)
        assert ["lo"] == node.link_names(one)
        assert plugin_file.exists()
        after.runtime_delete(two)

        assert (["lo"], []) == (node.link_names(two), node.leases())
        assert not plugin_file.parent.exists()
        assert [] == [name for name in node.ledger_entries() if name.endswith(".json")]
        _remove_multus_cache(after)
        for each in (one, two):
            node.delete(each)


def test_new_pods_get_the_default_network_alone(after: Others, plugin_file: Path) -> None:
    """The shim passes its result on, and their DEL affects no other pod."""
    node = after.node
    with node.pod("data") as pod, node.pod("data") as new:
        node.add(pod)
        after.runtime_add(new)
        assert ["lo", "eth0"] == node.link_names(new)

        after.runtime_delete(new)

        assert (["lo"], 2) == (node.link_names(new), len(node.leases()))
        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        after.runtime_delete(pod)
        assert ([], False) == (node.leases(), plugin_file.exists())


def test_a_failed_del_keeps_the_entry_and_the_plugin_file(after: Others, plugin_file: Path) -> None:
    """The runtime retries."""
    node = after.node
    binary = node.stage.paths.bin_dir / "macvlan"
    target = binary.readlink()
    with node.pod("data") as pod:
        node.add(pod)
        binary.unlink()
        try:
            failed = after.runtime_call("del", pod)
        finally:
            binary.symlink_to(target)

        assert 0 != failed.returncode
        assert "not found" not in failed.stderr
        assert plugin_file.exists()
        assert 1 == len([name for name in node.ledger_entries() if name.endswith(".json")])
        after.runtime_delete(pod)
        assert (["lo"], [], False) == (node.link_names(pod), node.leases(), plugin_file.exists())


@pytest.mark.parametrize("runtime", ["old_runtime_call", "runtime_call"])
def test_every_runtime_releases_everything(after: Others, chain: UninstallChain, runtime: str) -> None:
    """Whether it appends plugins from directories or not; new pods start meanwhile; the last pod removes the files."""
    node, call = after.node, getattr(after, runtime)
    with node.pod(NETWORKS) as one, node.pod("data") as two, node.pod("data") as new:
        node.add(one)
        node.add(two)
        chain.install()
        _export(after)

        assert 0 == call("add", new).returncode
        assert ["lo", "eth0"] == node.link_names(new)
        assert 0 == call("del", one).returncode
        assert ["lo"] == node.link_names(one)
        assert ["lo", "eth0", "net1"] == node.link_names(two)
        assert _copy(after).exists()
        assert 0 == call("del", two).returncode

        assert ["lo"] == node.link_names(two)
        assert [] == _left_of_chain(after)
        assert [] == [name for name in node.ledger_entries() if name.endswith(".json")]
        assert ["lo", "eth0"] == node.link_names(new)
        assert 0 == call("del", new).returncode
        assert (["lo"], []) == (node.link_names(new), node.leases())
        _remove_multus_cache(after)


def test_a_default_network_of_a_single_plugin(
    after: Others, chain: UninstallChain, default_network_file: Path
) -> None:
    """It is released like a conflist, and new pods start in it."""
    node = after.node
    with node.pod("data") as pod, node.pod() as new:
        node.add(pod)
        (plugin,) = json.loads(DEFAULT_NETWORK)["plugins"]
        default_network_file.unlink()
        default_network_file.with_suffix(".conf").write_text(
            json.dumps({"cniVersion": "0.3.1", "name": "cbr0", **plugin})
        )
        chain.install()
        _export(after)
        assert 0 == after.old_runtime_call("add", new).returncode
        assert ["lo", "eth0"] == node.link_names(new)
        assert 0 == after.old_runtime_call("del", new).returncode
        assert _copy(after).exists()

        assert 0 == after.old_runtime_call("del", pod).returncode

        assert (["lo"], [], []) == (node.link_names(pod), node.leases(), _left_of_chain(after))
        _remove_multus_cache(after)


@pytest.mark.parametrize("changed", ["default network", "copy"])
def test_an_outdated_copy_is_removed_when_a_pod_starts(
    after: Others, chain: UninstallChain, default_network_file: Path, changed: str
) -> None:
    """That pod starts. Running pods are released by runtimes that append plugins, else by the next installation."""
    node = after.node
    with node.pod("data") as one, node.pod("data") as two, node.pod() as new:
        node.add(one)
        node.add(two)
        chain.install()
        _export(after)
        cached = after.first_file()
        if changed == "default network":
            default_network_file.write_text(DEFAULT_NETWORK.replace('"isGateway"', '"mtu":1400,"isGateway"'))
        else:
            _copy(after).write_text("{")

        assert 0 == after.old_runtime_call("add", new, cached).returncode

        assert ["lo", "eth0"] == node.link_names(new)
        assert not _copy(after).exists()
        assert default_network_file.name == after.first_file().name
        assert 0 == after.old_runtime_call("del", new).returncode
        assert ["lo"] == node.link_names(new)
        assert 0 == after.runtime_call("del", one).returncode
        assert (["lo"], 2) == (node.link_names(one), len(node.leases()))
        chain.remove()
        node.delete(two)
        assert (["lo"], []) == (node.link_names(two), node.leases())
    _remove_multus_cache(after)


def test_a_pod_created_after_an_uninstall_is_released_by_the_next_installation(
    after: Others, chain: UninstallChain
) -> None:
    """By the runtime's cache, without the shim in that chain."""
    node = after.node
    with node.pod("data") as pod, node.pod() as new:
        node.add(pod)
        chain.install()
        assert 0 == after.old_runtime_call("add", new).returncode
        chain.remove()
        _reclaim(after)

        node.delete(new)

        assert (["lo"], ["lo", "eth0", "net1"]) == (node.link_names(new), node.link_names(pod))
        assert [] == after.files()
        node.delete(pod)
        assert [] == node.leases()


def _remove_multus_cache(after: Others) -> None:
    """Only Multus would remove its exported files."""
    shutil.rmtree(after.root / "multus")
