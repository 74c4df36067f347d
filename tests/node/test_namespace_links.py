"""Looks into the namespaces of attached pods: real namespaces, with CAP_NET_ADMIN alone."""

from __future__ import annotations

import json
import sys

from support.node import CnitoolNode

LAN = {"type": "host-local", "subnet": "10.0.3.0/24", "rangeStart": "10.0.3.100"}
LOOK = """
import asyncio, json, os, sys
from pathlib import Path
from netattach_core.attach.attached_pods import AttachedPods
from netattach_plugin.netlink.namespace_links import NamespaceLinks
from netattach_plugin.state.ledger import FileLedger

attached, links = AttachedPods(), NamespaceLinks()

async def read():
    async for sandbox in FileLedger(Path(sys.argv[1])).sandboxes(print):
        attached.put(sandbox)

asyncio.run(read())
for _ in sys.stdin:
    before = len(os.listdir("/proc/self/fd"))
    found = links.look(list(attached))
    assert before == len(os.listdir("/proc/self/fd"))
    print(json.dumps([[each.gone, sorted(each.missing)] for each in found.values()]), flush=True)
"""


def _look(node: CnitoolNode, times: int = 1) -> list[list[list[object]]]:
    command = ("setpriv", "--bounding-set=-all,+net_admin", sys.executable, "-c", LOOK)
    shown = node.stage.run(*command, node.stage.paths.ledger, stdin="\n" * times).stdout
    """For each look, whether the namespace of a sandbox is gone, and the interfaces that it lacks."""
    return [json.loads(line) for line in shown.splitlines()]


def _macvlan(node: CnitoolNode) -> None:
    node.create_nad("lan", {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN})


def test_an_interface_that_the_pod_has_lost(node: CnitoolNode) -> None:
    """One that was renamed is gone, too: nobody finds it by its name in network-status."""
    _macvlan(node)
    with node.pod("lan,lan,lan") as pod:
        node.add(pod)
        whole = _look(node)
        node.stage.run("ip", "-n", pod.name, "link", "delete", "net1")
        node.stage.run("ip", "-n", pod.name, "link", "set", "net3", "name", "other")
        lost = _look(node, times=2)
        node.delete(pod)

    assert [[[False, []]]] == whole
    assert [[[False, ["net1", "net3"]]]] * 2 == lost


def test_a_device_without_a_link_is_not_missing(node: CnitoolNode) -> None:
    """Nobody knows whether host-device has moved a NIC or a device for DPDK, unless its link was there."""
    node.stage.run("ip", "link", "add", "spare0", "type", "veth", "peer", "name", "spare1")
    node.create_nad("nic", {"cniVersion": "1.0.0", "type": "host-device", "device": "spare0"})
    with node.pod("nic") as pod:
        node.add(pod)
        node.stage.run("ip", "-n", pod.name, "link", "set", "net1", "name", "other")
        found = _look(node)
        node.stage.run("ip", "-n", pod.name, "link", "set", "other", "name", "net1")
        node.delete(pod)
    node.stage.run("ip", "link", "delete", "spare0")

    assert [[[False, []]]] == found


def test_a_namespace_that_is_gone_or_another_one(node: CnitoolNode) -> None:
    _macvlan(node)
    with node.pod("lan") as pod:
        node.add(pod)
        node.stage.run("ip", "netns", "delete", pod.name)
        gone = _look(node)
        node.stage.run("ip", "netns", "add", "spare")  # takes the number of the former one
        node.stage.run("ip", "netns", "add", pod.name)
        other = _look(node)
        for name in (pod.name, "spare"):
            node.stage.run("ip", "netns", "delete", name)
        node.stage.run("touch", f"/run/netns/{pod.name}")
        no_namespace = _look(node)
        node.stage.run("rm", f"/run/netns/{pod.name}")
        node.delete(pod)

    assert [[[True, []]]] == gone == other
    assert [[]] == no_namespace
