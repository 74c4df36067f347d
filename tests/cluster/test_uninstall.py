"""Away again: pods keep their networks, NADs stay, nodes go on starting pods; and back, as if nothing had been."""

from __future__ import annotations

import pytest

from cluster.lab.cluster import Cluster
from cluster.objects import HOST_LOCAL, address, conf, created, leftovers, links, nad, pings, pod, status

NODES = ("node1", "node2")


@pytest.fixture
def running(installed: Cluster) -> Cluster:
    """A pod with a second network on each node."""
    created(installed, nad("second", conf(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    for name in NODES:
        created(installed, pod(f"before-{name}", "second", node=name))
    for name in NODES:
        installed.wait_ready(f"before-{name}")
    return installed


def test_uninstalled_under_running_pods_and_installed_again(running: Cluster) -> None:
    running.uninstall()

    for name in NODES:
        assert "net1" in links(running, f"before-{name}")
        assert pings(running, f"before-{name}", "10.0.3.1")
        assert "10-default.conflist" == running.node(name).sh("ls /etc/cni/net.d").split()[0]
    assert "default" == running.read("nad", "second")["metadata"]["namespace"]
    for name in NODES:
        created(running, pod(f"plain-{name}", node=name))
    for name in NODES:
        running.wait_ready(f"plain-{name}")
        assert ["lo", "eth0"] == links(running, f"plain-{name}")
    running.kubectl("delete", "pods", *(f"plain-{name}" for name in NODES))

    running.install()

    for name in NODES:
        created(running, pod(f"after-{name}", "second", node=name))
    for name in NODES:
        running.wait_ready(f"after-{name}")
        assert (
            address(running, f"after-{name}", "net1") == status(running, f"after-{name}")[1]["ips"][0] + "/24"
        )
    refused = running.kubectl("create", "-f", "-", input="{}", check=False)
    assert 0 != refused.returncode
    running.kubectl("delete", "pods,network-attachment-definitions", "--all")
    running.eventually(lambda: not any(leftovers(running, name) for name in NODES), "all is given back")
