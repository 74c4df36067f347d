"""To netattach and back with Multus' own daemon, while pods start: each has all its networks, whoever attaches it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from compare import node as compared
from compare.cgroups import Cgroup
from netattach_cli.demo.demo_node import NodePaths
from netattach_core.cni import netattach_conf
from support.migration_node import Load, MigrationNode, Runtime

TAKEN, DEFAULT = netattach_conf.TAKEOVER_FILE_NAME, "10-default.conflist"
NETWORKS = ("first", "second")


@pytest.fixture
def node(places: NodePaths, tmp_path: Path) -> Iterator[MigrationNode]:
    """Nothing is installed on it but the default network."""
    no_limits = Cgroup(Path(), [])
    with compared.build(tmp_path / "node", places.plugins, places.shim, no_limits) as built:
        (built.paths.conf_dir / netattach_conf.FILE_NAME).unlink()
        compared.create_objects(built, {name: _macvlan(name, number) for number, name in enumerate(NETWORKS)})
        yield MigrationNode(built, places.shim)


def _macvlan(name: str, number: int) -> dict[str, object]:
    ipam = {"type": "host-local", "subnet": f"10.{20 + number}.0.0/16"}
    return {"cniVersion": "1.0.0", "name": name, "type": "macvlan", "master": "eth1", "ipam": ipam}


def _secondary_leases(node: MigrationNode) -> list[str]:
    """Multus' DEL keeps those of the default network (its issue #1449)."""
    return [lease for lease in node.node.leases() if lease.startswith(NETWORKS)]


def _started(
    daemons: contextlib.ExitStack, daemon: contextlib.AbstractContextManager[None]
) -> contextlib.ExitStack:
    """Its `close` ends this daemon."""
    own = daemons.enter_context(contextlib.ExitStack())
    own.enter_context(daemon)
    return own


@pytest.mark.parametrize(
    ("multus_type", "file", "pods"),
    [("multus-shim", "00-multus.conf", 104), ("multus", "00-multus.conflist", 30)],
)
def test_to_netattach_and_back_while_pods_start(
    node: MigrationNode, multus_type: str, file: str, pods: int
) -> None:
    """The pods that outlive who attached them are released by the other one."""
    multus_installed = node.thick_multus if multus_type == "multus-shim" else node.thin_multus
    runtime = Runtime(node, NETWORKS)
    load = Load(runtime)
    with contextlib.ExitStack() as daemons:
        multus = _started(daemons, multus_installed())
        by_multus = runtime.start("by-multus")
        with load.running():
            load.wait_for_more(10)
            netattach = _started(daemons, node.netattach({"takeover": "auto"}))
            assert [TAKEN, file, DEFAULT] == node.files
            load.wait_for_more(10)
            multus.close()
            node.wait_for_files(TAKEN, DEFAULT)
            by_netattach = runtime.start("by-netattach")
            load.wait_for_more(pods)
            runtime.stop(by_multus.pod)

            _started(daemons, multus_installed())
            assert [TAKEN, file, DEFAULT] == node.files
            load.wait_for_more(10)
            netattach.close()
            assert [file, DEFAULT] == node.files
            load.wait_for_more(pods)
            runtime.stop(by_netattach.pod)

    assert (multus_type, "netattach") == (by_multus.by, by_netattach.by)
    everything = ["lo", "eth0", "net1", "net2"]
    assert [] == [each for each in (*load.attached, by_multus, by_netattach) if each.interfaces != everything]
    assert {multus_type, "netattach"} == {each.by for each in load.attached}
    assert [] == _secondary_leases(node)
