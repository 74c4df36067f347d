"""docs/migrating.md, command by command, with Multus itself and under a load of starting pods: each has all its networks.

First to Multus, since netattach is installed when the test begins, then back to netattach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e import console, multus
from e2e.lab.cluster import Cluster
from e2e.objects import config, created, leftovers, nad, pod
from e2e.pod_load import PodLoad
from netattach_core.cni import netattach_conf
from support import pages, require

pytestmark = pytest.mark.soak  # 200 pods and four rollouts on two nodes, one of them emulated

PAGE = pages.DOCS / "migrating.md"
NODES = ("node1", "node2")
NETWORKS = "first,second"
TAKEN, DEFAULT = netattach_conf.TAKEOVER_FILE_NAME, "10-default.conflist"
PODS_EACH_WAY = 104


@dataclass
class Migration:
    """The cluster, and the directory in which an administrator runs the page's commands."""

    cluster: Cluster
    directory: Path

    def run(self, block: str) -> None:
        """The commands of a block of the page."""
        for step in pages.steps(block):
            console.run(self.cluster, step, self.directory, check=True)

    def files(self, node: str) -> list[str]:
        """The files that the node's runtime reads, in its order."""
        listed = self.cluster.node(node).sh("ls /etc/cni/net.d").split()
        return sorted(name for name in listed if name.endswith(netattach_conf.SUFFIXES))

    def wait_for_files(self, *names: str) -> None:
        """On both nodes."""
        self.cluster.eventually(
            lambda: all([*names] == self.files(node) for node in NODES),
            f"the files of both nodes are {names}",
            seconds=150,
            every=1,
        )

    def start(self, when: str) -> None:
        """A pod on each node that outlives the one who attached it."""
        created(self.cluster, *(pod(f"{when}-{node}", NETWORKS, node=node) for node in NODES))
        for node in NODES:
            self.cluster.wait_ready(f"{when}-{node}")

    def delete(self, when: str) -> None:
        self.cluster.kubectl("delete", "pods", *(f"{when}-{node}" for node in NODES))

    def wait_for_leases(self, number: int) -> None:
        """Of both networks, on each node: what is left of the pods that were deleted is more."""
        self.cluster.eventually(
            lambda: all(len(leftovers(self.cluster, node).get("leases", [])) <= number for node in NODES),
            f"{number} leases on each node",
        )


@pytest.fixture
def migration(installed: Cluster, tmp_path: Path) -> Iterator[Migration]:
    multus.load(installed, tmp_path)
    (tmp_path / "deploy").symlink_to(require.REPOSITORY / "deploy")
    for network, first in (("first", 100), ("second", 150)):
        ends = {"rangeStart": f"10.0.3.{first}", "rangeEnd": f"10.0.3.{first + 49}"}
        ipam = {"type": "host-local", "subnet": "10.0.3.0/24", **ends}
        created(installed, nad(network, config(type="macvlan", master="eth1", ipam=ipam)))
    yield Migration(installed, tmp_path)
    _give_back(installed)


def _give_back(cluster: Cluster) -> None:
    """netattach is installed with its default settings, Multus is gone with what it left: its DEL keeps cbr0's leases (#1449)."""
    cluster.kubectl("delete", "pods", "--all", "--grace-period=1", check=False)
    cluster.kubectl("delete", "network-attachment-definitions", "--all", check=False)
    cluster.kubectl("delete", "--namespace=kube-system", "daemonset/kube-multus-ds", check=False)
    if not cluster.installed:
        cluster.install()
    cluster.set_settings("")
    for node in NODES:
        cluster.node(node).sh(_CLEAN)


_CLEAN = """
running=$(ctr -n k8s.io containers ls -q)
for lease in /var/lib/cni/networks/cbr0/10.*; do
    case "$running" in *"$(head -n 1 "$lease" | tr -d '\\r')"*) ;; *) rm -f "$lease";; esac
done
rm -rf /etc/cni/net.d/00-multus.conf /var/lib/cni/multus /opt/cni/bin/multus-shim /opt/cni/bin/passthru /run/multus
"""


def test_to_multus_and_back_while_pods_start(migration: Migration) -> None:
    cluster = migration.cluster
    beside_multus, install_multus, remove_netattach = pages.blocks_of_section(PAGE, "Back to Multus")
    (check,) = pages.blocks_of_section(PAGE, "Before")
    install_netattach, remove_multus = pages.blocks_of_section(PAGE, "To netattach")
    load = PodLoad(cluster, NETWORKS)

    migration.start("by-netattach")
    with load.running():
        migration.run(beside_multus)
        migration.wait_for_files(TAKEN, DEFAULT)
        migration.run(install_multus)
        migration.wait_for_files(TAKEN, multus.CONF, DEFAULT)
        migration.run(remove_netattach)
        assert [[multus.CONF, DEFAULT]] * 2 == [migration.files(node) for node in NODES]
        load.wait_for(PODS_EACH_WAY, more=10)
        migration.delete("by-netattach")
        migration.start("by-multus")

        migration.run(check)
        migration.run(install_netattach)
        assert [[TAKEN, multus.CONF, DEFAULT]] * 2 == [migration.files(node) for node in NODES]
        migration.run(remove_multus)
        migration.wait_for_files(TAKEN, DEFAULT)
        load.wait_for(2 * PODS_EACH_WAY, more=10)
        migration.delete("by-multus")

    reports = load.reports()
    whole = (["lo", "eth0", "net1", "net2"], ["cbr0", "default/first", "default/second"])
    assert {} == {name: report for name, report in reports.items() if report != whole}
    assert 2 * PODS_EACH_WAY <= len(reports)
    assert {"multus", "netattach"} == _who_attached(cluster)
    migration.wait_for_leases(0)
    assert {} == {node: left for node in NODES if (left := leftovers(cluster, node))}
    load.clear()


def _who_attached(cluster: Cluster) -> set[str]:
    """By the Events of the load's pods: otherwise one of the two may have attached all of them."""
    events = cluster.objects("events", "--field-selector", "reason=AddedInterface")
    return {
        event["source"].get("component") or event.get("reportingComponent", "")
        for event in events
        if event["involvedObject"]["name"].startswith("load-")
    }
