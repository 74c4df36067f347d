"""docs/migrating.md, command by command, with Multus itself and under a load of starting pods: each has all its networks.

First to Multus, since netattach is installed when the test begins, then back to netattach. node2 loses its power in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from e2e import console, multus
from e2e.lab.cluster import Cluster
from e2e.objects import config, created, leftovers, links, nad, pod
from e2e.pod_load import PodLoad
from netattach_core.cni import netattach_conf
from support import pages, require

pytestmark = pytest.mark.soak  # six minutes: 200 pods and four rollouts on two nodes, one of them emulated

PAGE = pages.DOCS / "migrating.md"
NODES = ("node1", "node2")
NETWORKS = "first,second"
EVERYTHING = ["eth0", "lo", "net1", "net2"]
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
            assert EVERYTHING == sorted(links(self.cluster, f"{when}-{node}"))

    def delete(self, when: str) -> None:
        self.cluster.kubectl("delete", "pods", *(f"{when}-{node}" for node in NODES))

    def has_everything(self, name: str) -> bool:
        """False as long as the pod does not run."""
        try:
            return EVERYTHING == sorted(links(self.cluster, name))
        except RuntimeError:
            return False

    def left(self, node: str) -> set[str]:
        """Leases of both networks, and whatever else pods have left."""
        return {name for names in leftovers(self.cluster, node).values() for name in names}


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
rm -rf /var/lib/cni/networks/first /var/lib/cni/networks/second
"""


def test_to_multus_and_back_while_pods_start(migration: Migration) -> None:
    cluster = migration.cluster
    beside_multus, install_multus, remove_netattach = pages.blocks_of_section(PAGE, "Back to Multus")
    (check,) = pages.blocks_of_section(PAGE, "Before")
    install_netattach, remove_multus = pages.blocks_of_section(PAGE, "To netattach")
    load = PodLoad(cluster, dict.fromkeys(NODES, NETWORKS))

    migration.start("by-netattach")
    with load.running():
        migration.run(beside_multus)
        migration.wait_for_files(TAKEN, DEFAULT)
        migration.run(install_multus)
        migration.wait_for_files(TAKEN, multus.CONF, DEFAULT)
        before = {*load.reports}
        migration.run(remove_netattach)
        starting = load.started - before
        assert [[multus.CONF, DEFAULT]] * 2 == [migration.files(node) for node in NODES]
        load.wait_for(PODS_EACH_WAY, each=5)
        migration.delete("by-netattach")
        migration.start("by-multus")
        done = len(load.reports)

        migration.run(check)
        migration.run(install_netattach)
        assert [[TAKEN, multus.CONF, DEFAULT]] * 2 == [migration.files(node) for node in NODES]
    lost = _cut_power_of_node2(migration)
    with load.running():
        migration.run(remove_multus)
        migration.wait_for_files(TAKEN, DEFAULT)
        load.wait_for(done + PODS_EACH_WAY, each=5)
        migration.delete("by-multus")

    assert {} == load.incomplete()
    assert load.without_status() <= starting  # its daemon may no longer write a status
    assert 2 * PODS_EACH_WAY <= len(load.reports)
    assert {"multus", "netattach"} == _who_attached(cluster)
    cluster.eventually(lambda: not migration.left("node1"), "nothing is left on node1")
    cluster.eventually(lambda: migration.left("node2") <= lost, "nothing else is left on node2")


def _cut_power_of_node2(migration: Migration) -> set[str]:
    """netattach is the first and Multus the second: afterwards all pods have their networks again, and new ones get theirs.

    Returns the leases of the pods that Multus attached: this node's runtime loses its disk, so it calls no DEL for them.
    """
    cluster = migration.cluster
    cluster.eventually(lambda: len(migration.left("node2")) == len(NETWORKS.split(",")), "one pod has leases")
    lost = migration.left("node2")
    cluster.reboot("node2")
    back = partial(migration.has_everything, "by-multus-node2")
    cluster.eventually(back, "the pod has all its networks", seconds=180, every=1)
    assert migration.has_everything("by-multus-node1")
    assert [[TAKEN, multus.CONF, DEFAULT]] * 2 == [migration.files(node) for node in NODES]
    migration.start("rebooted")
    migration.delete("rebooted")
    return lost


def _who_attached(cluster: Cluster) -> set[str]:
    """By the Events of the load's pods: otherwise one of the two may have attached all of them."""
    events = cluster.objects("events", "--field-selector", "reason=AddedInterface")
    return {
        event["source"].get("component") or event.get("reportingComponent", "")
        for event in events
        if event["involvedObject"]["name"].startswith("load-")
    }
