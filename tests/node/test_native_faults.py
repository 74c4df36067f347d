"""What native drivers must not delete, and what they have to, whatever a pod has done to its interfaces meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_plugin.netlink.links import GROUP
from support.node import CnitoolNode, NodePod

LAN: dict[str, Any] = {"type": "host-local", "subnet": "10.0.3.0/24", "rangeStart": "10.0.3.100"}
MACVLAN: dict[str, Any] = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}


@pytest.fixture
def native(node: CnitoolNode) -> CnitoolNode:
    """A node with two networks whose interfaces a driver creates."""
    node.create_nad("one", MACVLAN)
    node.create_nad("two", MACVLAN)
    return node


def _inside(node: CnitoolNode, pod: NodePod, script: str) -> None:
    """As the pod's root, which may change its own links."""
    node.stage.run("ip", "netns", "exec", pod.name, "sh", "-ec", script)


def _groups(node: CnitoolNode, pod: NodePod) -> list[str]:
    shown = node.stage.run("ip", "-netns", pod.name, "-oneline", "link").stdout
    return [
        line.split()[1].partition("@")[0].rstrip(":") for line in shown.splitlines() if str(GROUP) in line
    ]


def test_drivers_create_their_links_in_a_group(native: CnitoolNode) -> None:
    """Otherwise nothing here would be a test of drivers."""
    with native.pod("one,two") as pod:
        native.add(pod)
        assert ["net1", "net2"] == _groups(native, pod)[-2:]
        native.delete(pod)
        assert ["lo"] == native.link_names(pod)


def test_a_pods_own_links_in_the_group_stay(native: CnitoolNode) -> None:
    """The kernel would delete them with the group. The namespace's end does so anyway, but that is not ours to decide."""
    with native.pod("one,two") as pod:
        native.add(pod)
        _inside(native, pod, f"ip link add own0 type veth peer name own1; ip link set own0 group {GROUP}")

        native.delete(pod)

        assert ["lo", "own1", "own0"] == native.link_names(pod)
        assert [] == native.leases()


def test_an_interface_of_the_node_in_the_group_is_not_deleted(native: CnitoolNode) -> None:
    """It goes back to the node, where a group would have deleted a virtual one."""
    native.create_nad("nic", {"cniVersion": "1.0.0", "type": "host-device", "device": "nic0"})
    native.stage.run("ip", "link", "add", "nic0", "type", "veth", "peer", "name", "nic1")
    try:
        with native.pod("one,nic,two") as pod:
            native.add(pod)
            _inside(native, pod, f"ip link set net2 group {GROUP}")

            native.delete(pod)

            assert ["lo"] == native.link_names(pod)
            assert "nic0" in native.stage.run("ip", "-oneline", "link").stdout
    finally:
        native.stage.run("ip", "link", "delete", "nic1", check=False)


def test_links_that_the_pod_has_taken_out_of_the_group_are_deleted(native: CnitoolNode) -> None:
    with native.pod("one,two") as pod:
        native.add(pod)
        _inside(native, pod, "ip link set net1 group default")

        native.delete(pod)

        assert ["lo"] == native.link_names(pod)


def test_links_that_the_pod_has_deleted_are_no_failure(native: CnitoolNode) -> None:
    with native.pod("one,two") as pod:
        native.add(pod)
        _inside(native, pod, "ip link delete net1")

        native.delete(pod)

        assert ["lo"] == native.link_names(pod)
        assert [] == native.leases()


def test_without_its_namespace_a_pod_leaves_no_lease(native: CnitoolNode) -> None:
    """The kernel has deleted the interfaces with it."""
    with native.pod("one,two") as pod:
        native.add(pod)
        native.stage.run("ip", "netns", "delete", pod.name)

        native.delete(pod)

        assert [] == native.leases()
        assert [] == native.leftovers()["ledger"]
        native.stage.run("ip", "netns", "add", pod.name)  # the pod's own end deletes it


def test_another_namespace_at_the_same_path_loses_nothing(native: CnitoolNode) -> None:
    """A runtime may give a path again; what is there now belongs to somebody else."""
    with native.pod("one,two") as pod:
        native.add(pod)
        native.stage.run("ip", "netns", "delete", pod.name)
        native.stage.run("ip", "netns", "add", pod.name)
        _inside(native, pod, "ip link add net1 type veth peer name net2")

        native.delete(pod)

        assert ["lo", "net2", "net1"] == native.link_names(pod)
        assert [] == native.leases()


def test_a_bridge_that_has_lost_its_mac_with_its_last_port_gets_one(native: CnitoolNode) -> None:
    """As after an ADD that failed before the bridge got the gateway's address. The program fails for ever then."""
    config: dict[str, Any] = {
        "type": "bridge",
        "bridge": "br9",
        "isGateway": True,
        "ipam": {**LAN, "subnet": "10.0.9.0/24"},
    }
    config["ipam"].pop("rangeStart")
    native.create_nad("bridged", {"cniVersion": "1.0.0", **config})
    run = native.stage.run
    try:
        run("ip", "link", "add", "br9", "type", "bridge")
        run("ip", "link", "add", "port9", "type", "veth", "peer", "name", "port8")
        run("ip", "link", "set", "port9", "master", "br9")
        run("ip", "link", "delete", "port9")
        assert "link/ether 00:00:00:00:00:00" in run("ip", "-oneline", "link", "show", "br9").stdout

        with native.pod("bridged") as pod:
            native.add(pod)
            shown = run("ip", "-oneline", "link", "show", "br9").stdout
            assert "link/ether 00:00:00:00:00:00" not in shown
            native.delete(pod)
        assert (
            shown.split("link/ether")[1]
            == run("ip", "-oneline", "link", "show", "br9").stdout.split("link/ether")[1]
        )
    finally:
        run("ip", "link", "delete", "br9", check=False)
