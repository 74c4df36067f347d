"""Addresses by DHCP, from a real server over real interfaces: lease, renewal, release, and restarts of the node's dhcp daemon."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from support import dhcp_server, require
from support.dhcp_server import DhcpServer
from support.node import CnitoolNode
from support.waiting import eventually

MACVLAN: dict[str, Any] = {
    "cniVersion": "1.0.0",
    "type": "macvlan",
    "master": "eth1",
    "ipam": {"type": "dhcp"},
}


@pytest.fixture(scope="module")
def dhcp_stage(places: NodePaths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoNode]:
    """A node for these tests alone, which stop and kill its daemon."""
    require.command("dnsmasq")
    own = NodePaths(tmp_path_factory.mktemp("dhcp") / "stage", places.plugins, places.shim)
    with demo_node.build(own) as built:
        yield built


@pytest.fixture
def node(dhcp_stage: DemoNode, cnitool: Path) -> CnitoolNode:
    return CnitoolNode(dhcp_stage, cnitool)


@pytest.fixture
def server(dhcp_stage: DemoNode, tmp_path: Path) -> Iterator[DhcpServer]:
    with dhcp_server.serving(dhcp_stage, tmp_path) as server:
        yield server


def dhcp_daemons(node: CnitoolNode) -> list[int]:
    """The dhcp daemons of this node, by process id."""
    root = str(node.stage.paths.bin_dir)
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if arguments[:2] == [f"{root}/dhcp".encode(), b"daemon"]:
            found.append(int(path.parent.name))
    return found


@contextlib.contextmanager
def daemon(node: CnitoolNode) -> Iterator[subprocess.Popen[bytes]]:
    """Waits until it has written a new inventory, which includes the dhcp daemon."""
    node.stage.inventory.unlink(missing_ok=True)
    with node.stage.daemon() as process:
        yield process


@contextlib.contextmanager
def client_container(node: CnitoolNode) -> Iterator[subprocess.Popen[bytes]]:
    """The program of the container `dhcp`, once its client listens."""
    before = dhcp_daemons(node)
    environment = {**os.environ, "NETATTACH_BIN_DIR": str(node.stage.paths.bin_dir)}
    command = node.stage.command(
        "setpriv", "--pdeathsig=KILL", sys.executable, "-m", "netattach_plugin.supervise_dhcp"
    )
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: dhcp_daemons(node) not in ([], before))
        yield process
    finally:
        process.terminate()
        process.wait()


def inventory_of_dhcp(node: CnitoolNode) -> Any:
    return json.loads(node.stage.inventory.read_text()).get("dhcp")


def address(server: DhcpServer) -> str:
    (address,) = server.addresses()
    return address


def test_macvlan_gets_renews_and_releases_a_lease(node: CnitoolNode, server: DhcpServer) -> None:
    node.create_nad("lan", MACVLAN)
    with daemon(node), node.pod("lan") as pod:
        node.add(pod)
        lease = address(server)

        assert [f"{lease}/24"] == node.addresses(pod, "net1")
        assert lease == node.status(pod)[1]["ips"][0]
        assert node.pings(pod, "10.0.3.1")
        first = server.expiry(lease)
        eventually(lambda: server.expiry(lease) > first)
        node.delete(pod)
        eventually(lambda: server.released() == [lease])
        assert (["lo"], []) == (node.link_names(pod), node.ledger_entries())


def test_host_device_gets_a_lease_and_returns_nic_and_lease(node: CnitoolNode, server: DhcpServer) -> None:
    """The tutorial's network."""
    node.stage.run("ip", "link", "add", "spare0", "type", "veth", "peer", "name", "spare1", "netns", "world")
    node.stage.run("ip", "-n", "world", "link", "set", "spare1", "master", "lan0", "up")
    node.create_nad(
        "nic", {"cniVersion": "0.3.1", "type": "host-device", "device": "spare0", "ipam": {"type": "dhcp"}}
    )
    with daemon(node), node.pod("nic") as pod:
        node.add(pod)

        lease = address(server)
        assert [f"{lease}/24"] == node.addresses(pod, "net1")
        assert "spare0" not in node.link_names()
        node.delete(pod)
        eventually(lambda: server.released() == [lease])
        assert "spare0" in node.link_names()
    node.stage.run("ip", "link", "delete", "spare0")


def test_a_lease_outlives_a_restart_of_the_daemon(node: CnitoolNode, server: DhcpServer) -> None:
    """Of netattach's daemon and its child: the reference plugin's daemon would neither renew nor release its old leases."""
    node.create_nad("lan", MACVLAN)
    with node.pod("lan") as pod:
        with daemon(node):
            node.add(pod)
        lease = address(server)
        assert [] == dhcp_daemons(node)

        with daemon(node):
            renewed = server.expiry(lease)
            eventually(lambda: server.expiry(lease) > renewed)
            assert ([lease], [f"{lease}/24"]) == (server.addresses(), node.addresses(pod, "net1"))
            node.delete(pod)
            eventually(lambda: server.released() == [lease])


def test_a_killed_dhcp_daemon_is_restarted_with_its_leases(node: CnitoolNode, server: DhcpServer) -> None:
    """It leaves a socket without a listener."""
    node.create_nad("lan", MACVLAN)
    with daemon(node), node.pod("lan") as pod:
        node.add(pod)
        lease = address(server)
        (before,) = dhcp_daemons(node)
        os.kill(before, signal.SIGKILL)
        eventually(lambda: dhcp_daemons(node) not in ([], [before]))
        renewed = server.expiry(lease)
        eventually(lambda: server.expiry(lease) > renewed)

        node.delete(pod)
        eventually(lambda: server.released() == [lease])


def test_the_child_ends_with_the_daemon_however_that_ends(node: CnitoolNode) -> None:
    with daemon(node) as process:
        eventually(lambda: len(dhcp_daemons(node)) == 1)
        assert {"running": True, "socket": "/run/cni/dhcp.sock"} == inventory_of_dhcp(node)
        process.kill()
        process.wait()
        eventually(lambda: dhcp_daemons(node) == [])


def test_a_client_in_a_container_of_its_own_that_is_killed(node: CnitoolNode, server: DhcpServer) -> None:
    """Its client ends with it; the next one gets all leases again from the daemon, which sees another socket."""
    node.create_nad("lan", MACVLAN)
    with client_container(node) as first, daemon(node), node.pod("lan") as pod:
        assert 1 == len(dhcp_daemons(node))
        node.add(pod)
        lease = address(server)
        first.kill()
        eventually(lambda: dhcp_daemons(node) == [])
        with client_container(node):
            renewed = server.expiry(lease)
            eventually(lambda: server.expiry(lease) > renewed)
            assert ([lease], [f"{lease}/24"]) == (server.addresses(), node.addresses(pod, "net1"))
            node.delete(pod)
            eventually(lambda: server.released() == [lease])


def test_a_client_in_a_container_ends_with_sigterm(node: CnitoolNode) -> None:
    with client_container(node) as process:
        process.terminate()
        assert 0 == process.wait()
        eventually(lambda: dhcp_daemons(node) == [])


def test_a_dhcp_daemon_of_the_node_is_used(node: CnitoolNode, server: DhcpServer) -> None:
    """Of a systemd unit, for example: there are never two. When it ends, netattach starts one, with its leases."""
    command = node.stage.command(
        "sh", "-c", f"mkdir -p /run/cni; exec {node.stage.paths.bin_dir}/dhcp daemon"
    )
    own = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: len(dhcp_daemons(node)) == 1)
    (before,) = dhcp_daemons(node)
    node.create_nad("lan", MACVLAN)
    with daemon(node), node.pod("lan") as pod:
        node.add(pod)
        lease = address(server)
        assert [before] == dhcp_daemons(node)
        assert inventory_of_dhcp(node)["running"]
        own.terminate()
        own.wait()
        eventually(lambda: dhcp_daemons(node) not in ([], [before]))
        renewed = server.expiry(lease)
        eventually(lambda: server.expiry(lease) > renewed)

        node.delete(pod)
        eventually(lambda: server.released() == [lease])


def test_the_inventory_of_a_node_without_the_binary(node: CnitoolNode) -> None:
    binary = node.stage.paths.bin_dir / "dhcp"
    target = binary.readlink()
    binary.unlink()
    try:
        with daemon(node):
            assert {"running": False, "socket": "/run/cni/dhcp.sock"} == inventory_of_dhcp(node)
    finally:
        binary.symlink_to(target)


def test_no_server_answers(node: CnitoolNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin waits longer than the daemon: ADD fails at the daemon's deadline, and nothing is left."""
    environment = {**node.stage.daemon_environment(), "NETATTACH_PLUGIN_DEADLINE": "3"}
    monkeypatch.setattr(DemoNode, "daemon_environment", lambda _: environment)
    node.create_nad("lan", MACVLAN)
    with daemon(node), node.pod("lan") as pod:
        failed = node.call("add", pod)

        assert 0 != failed.returncode
        assert "plugin macvlan did not end within 3000 ms" in failed.stderr
        assert (["lo"], []) == (node.link_names(pod), node.ledger_entries())
        node.delete(pod)


def test_while_no_client_runs_an_add_fails_with_the_reason_and_is_undone_with_the_next_client(
    node: CnitoolNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon watches another socket, so that none is started on the plugin's own. The plugin's DEL needs a client too."""
    environment = {**node.stage.daemon_environment(), "NETATTACH_DHCP": "/run/other/dhcp.sock"}
    monkeypatch.setattr(DemoNode, "daemon_environment", lambda _: environment)
    node.create_nad("lan", MACVLAN)
    with daemon(node), node.pod("lan") as pod:
        failed = node.call("add", pod)

        assert 0 != failed.returncode
        assert "error dialing DHCP daemon" in failed.stderr
        assert [] != node.ledger_entries()
        with client_container(node):
            node.delete(pod)
            assert (["lo"], []) == (node.link_names(pod), node.ledger_entries())
