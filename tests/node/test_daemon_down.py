"""While the daemon is down: what works without it, and what waits for it, observed in the kernel and in host-local's store."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from netattach_cli.demo.demo_node import DEFAULT_NETWORK
from support import require
from support.build import shim_of_another_protocol
from support.node import CnitoolNode
from support.shim_calls import NOTHING, OTHER, error_of, left_on, run, sandbox
from support.waiting import PATIENCE

LAN: dict[str, Any] = {"type": "host-local", "subnet": "10.0.3.0/24", "rangeStart": "10.0.3.100"}
MACVLAN: dict[str, Any] = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}
BRIDGE_LAN = {**LAN, "subnet": "10.0.4.0/24", "rangeStart": "10.0.4.100"}
BRIDGE: dict[str, Any] = {"cniVersion": "1.0.0", "type": "bridge", "bridge": "mybr0", "ipam": BRIDGE_LAN}


@pytest.fixture
def node(daemonless: CnitoolNode) -> CnitoolNode:
    """Without a daemon unless the test starts one."""
    return daemonless


def test_pods_with_secondary_networks_are_deleted(node: CnitoolNode) -> None:
    """Without a delay, with links, leases and ledger entries; also a pod without its namespace, and with changed NADs."""
    node.create_nad("mac", MACVLAN)
    node.create_nad("br", BRIDGE)
    with node.pod("mac,br,mac") as pod, ExitStack() as gone:
        lost = gone.enter_context(node.pod("mac"))
        with node.stage.daemon():
            node.add(pod)
            node.add(lost)
        assert ["lo", "eth0", "net1", "net2", "net3"] == node.link_names(pod)
        node.create_nad("mac", {**MACVLAN, "type": "bridge", "ipam": {}})
        gone.close()
        started = time.monotonic()
        node.delete(pod)
        node.delete(lost)

        assert time.monotonic() - started < PATIENCE
        assert ["lo"] == node.link_names(pod)
        assert NOTHING == left_on(node)


def test_an_add_that_lost_its_daemon_is_deleted(
    node: CnitoolNode, script: Callable[[str, str], str], tmp_path: Any
) -> None:
    """Killed during the second network: DEL removes the first one's link and lease."""
    reached = tmp_path / "reached"
    script("stuck", f"#!/bin/sh\n[ $CNI_COMMAND = ADD ] || exit 0\ntouch {reached}\nsleep 300\n")
    node.create_nad("mac", MACVLAN)
    node.create_nad("stuck", {"cniVersion": "1.0.0", "type": "stuck"})
    with node.pod("mac,stuck") as pod, ThreadPoolExecutor() as pool:
        with node.stage.daemon() as daemon:
            adding = pool.submit(run, node, "ADD", pod, wait_ms=9000)
            while not reached.exists():
                time.sleep(0.01)
            daemon.kill()
        node.stage.run("rm", "/run/netattach/cni.sock")  # the stage takes it for that of a running daemon
        error = json.loads(adding.result(PATIENCE).stdout)
        assert "the netattach daemon went away during ADD" in error["msg"]
        assert 2 == len(node.leases())

        node.delete(pod)

        assert ["lo"] == node.link_names(pod)
        assert NOTHING == left_on(node)


def test_a_host_port_of_a_pod_without_secondary_networks_is_opened_and_closed(
    node: CnitoolNode, primary: Callable[[list[dict[str, Any]]], None]
) -> None:
    """portmap gets the ports by its capability, and the addresses from the bridge's result."""
    require.command("iptables")
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": False}
    primary([json.loads(DEFAULT_NETWORK)["plugins"][0], portmap])
    ports = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
    with node.pod() as pod:
        assert 0 == run(node, "ADD", pod, offered=ports).returncode
        rules = node.stage.run("iptables", "-t", "nat", "-S").stdout
        assert f"--to-destination {node.addresses(pod, 'eth0')[0].split('/')[0]}:80" in rules
        assert {} == error_of(node, "CHECK", pod, offered=ports)
        assert {} == error_of(node, "DEL", pod, offered=ports)

        assert NOTHING == left_on(node)


def test_a_rebooted_node_needs_no_daemon(node: CnitoolNode) -> None:
    """/run is empty: the shim creates the directory of its locks, for root alone."""
    node.stage.run("rm", "-rf", "/run/netattach")
    with node.pod() as pod:
        node.add(pod)
        node.delete(pod)

    assert ["700", "700"] == node.stage.run(
        "stat", "-c", "%a", "/run/netattach", "/run/netattach/locks"
    ).stdout.split()


def test_many_at_once(node: CnitoolNode) -> None:
    """32 pods without secondary networks are added and deleted concurrently, each with another address."""
    with ExitStack() as stack, ThreadPoolExecutor(16) as pool:
        pods = [stack.enter_context(node.pod()) for _ in range(32)]
        results = list(pool.map(node.add, pods))
        assert 32 == len({result["ips"][0]["address"] for result in results})
        assert 32 == len(node.records())
        list(pool.map(node.delete, pods))

        assert NOTHING == left_on(node)


def test_two_adds_for_one_sandbox(node: CnitoolNode) -> None:
    """One succeeds; the others fail and do not affect it."""
    with node.pod() as pod, ThreadPoolExecutor() as pool:
        codes = sorted(
            error.get("code", 0) for error in pool.map(lambda _: error_of(node, "ADD", pod), range(4))
        )

        assert [0, OTHER, OTHER, OTHER] == codes
        assert ["lo", "eth0"] == node.link_names(pod)
        assert [sandbox(pod)] == node.records()
        node.delete(pod)


def test_a_pod_waits_for_a_running_gc(node: CnitoolNode) -> None:
    """GC locks the directory of the locks."""
    with node.pod() as pod, ThreadPoolExecutor() as pool:
        node.add(pod)  # creates the directory
        node.delete(pod)
        collecting = pool.submit(node.stage.run, "flock", "/run/netattach/locks", "sleep", "1")
        time.sleep(0.3)
        started = time.monotonic()
        node.add(pod)
        assert time.monotonic() - started > 0.3
        collecting.result(5)
        node.delete(pod)


def test_a_gc_that_waits_for_the_daemon_delays_no_pod(node: CnitoolNode) -> None:
    """It holds the lock only while its plugins run."""
    with node.pod() as pod, ThreadPoolExecutor() as pool:
        collecting = pool.submit(run, node, "GC", pod, wait_ms=2000)
        time.sleep(0.3)
        started = time.monotonic()
        node.add(pod)
        assert time.monotonic() - started < 1
        assert 1 == collecting.result(9).returncode
        node.delete(pod)


def test_a_shim_of_another_protocol_version(node: CnitoolNode) -> None:
    """It reports that for a pod with secondary networks; other pods and DEL need no daemon. Nothing is started or left."""
    other = shim_of_another_protocol()
    node.create_nad("mac", MACVLAN)
    with node.pod("mac") as pod, node.pod() as plain, node.stage.daemon():
        refused = error_of(node, "ADD", pod, shim=other, wait_ms=9000)
        assert 11 == refused["code"]
        assert "7" in refused["msg"]
        assert ["lo"] == node.link_names(pod)
        assert {} == error_of(node, "ADD", plain, shim=other, wait_ms=9000)
        assert {} == error_of(node, "DEL", plain, shim=other, wait_ms=9000)
        node.delete(pod)

        assert NOTHING == left_on(node)


def test_without_annotations_from_the_runtime_every_pod_waits_for_the_daemon(node: CnitoolNode) -> None:
    """Only the daemon can read what the pod selects."""
    with node.pod() as pod:
        assert 11 == error_of(node, "ADD", pod, hand_over=False)["code"]
        assert ["lo"] == node.link_names(pod)
