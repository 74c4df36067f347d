"""The daemon with no capability but CAP_NET_ADMIN: the shim opens what only its privileges can open."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from netattach_core.attach.sandbox import Phase
from support import build
from support.node import CnitoolNode
from support.shim_calls import NOTHING, TRY_AGAIN, error_of, left_on, sandbox

NET_ADMIN_ALONE = "--bounding-set=-all,+net_admin"
CAP_NET_ADMIN = 1 << 12
STATIC = {"type": "static", "addresses": [{"address": "10.0.3.77/24"}]}
LAN = {"type": "host-local", "subnet": "10.0.3.0/24", "rangeStart": "10.0.3.100"}
MACVLAN = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": STATIC}
GATEWAY = "10.0.3.1"
PATIENT = 60_000
"""Milliseconds that a shim waits for the daemon, which is there and may be slow."""


@pytest.fixture(scope="module")
def own_stage(places: NodePaths, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoNode]:
    """A node without a daemon."""
    root = tmp_path_factory.mktemp("least") / "stage"
    with demo_node.build(NodePaths(root, places.plugins, places.shim)) as built:
        yield built


@pytest.fixture
def node(own_stage: DemoNode, cnitool: Path) -> Iterator[CnitoolNode]:
    """A node whose daemon has CAP_NET_ADMIN alone; nothing may be left on it after the test."""
    node = CnitoolNode(own_stage, cnitool)
    with own_stage.daemon(NET_ADMIN_ALONE) as daemon:
        status = Path(f"/proc/{daemon.pid}/status").read_text()
        (effective,) = re.findall(r"^CapEff:\s+(\w+)$", status, re.MULTILINE)
        assert CAP_NET_ADMIN == int(effective, 16)
        yield node
    assert NOTHING == left_on(node)


def _spare_nic(node: CnitoolNode, ipam: dict[str, Any]) -> None:
    node.stage.run("ip", "link", "add", "spare0", "type", "veth", "peer", "name", "spare1")
    node.create_nad("nic", {"cniVersion": "1.0.0", "type": "host-device", "device": "spare0", "ipam": ipam})


def _delete_link(node: CnitoolNode, pod: str, name: str) -> None:
    node.stage.run("ip", "-n", pod, "link", "delete", name)


def test_a_pod_with_default_routes_is_attached_checked_and_deleted(node: CnitoolNode) -> None:
    """Links are observed, and routes are changed, over the two sockets."""
    node.create_nad("data", MACVLAN)
    with node.pod([{"name": "data", "default-route": [GATEWAY]}]) as pod:
        node.add(pod)

        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        assert [f"net1 {GATEWAY}"] == node.default_routes(pod)
        assert 0 == node.call("check", pod).returncode
        node.delete(pod)
        assert ["lo"] == node.link_names(pod)


def test_a_name_that_the_pod_has_already_is_seen(node: CnitoolNode) -> None:
    node.create_nad("data", MACVLAN)
    with node.pod("data@taken") as pod:
        node.in_pod(pod, "ip", "link", "add", "taken", "type", "bridge")

        assert "has an interface 'taken' already" in error_of(node, "ADD", pod, wait_ms=PATIENT)["msg"]
        assert ["lo", "taken"] == sorted(node.link_names(pod))


def test_a_failed_add_is_undone(node: CnitoolNode) -> None:
    """The gateway cannot be reached, which the kernel reports after everything is attached."""
    node.create_nad("data", MACVLAN)
    with node.pod([{"name": "data", "default-route": ["192.0.2.1"]}]) as pod:
        assert "cannot be reached" in error_of(node, "ADD", pod, wait_ms=PATIENT)["msg"]
        assert ["lo"] == node.link_names(pod)


def test_a_path_that_is_no_namespace_is_an_invalid_variable(node: CnitoolNode) -> None:
    with node.pod() as pod:
        node.create_nad("data", MACVLAN)
        done = node.call("add", pod, netns="/etc/hostname")

    assert 0 != done.returncode
    assert "CNI_NETNS" in done.stderr + done.stdout


def test_a_delete_without_its_interface_frees_the_address(node: CnitoolNode) -> None:
    """host-device fails on it; the daemon sees that the interface is gone, without entering the namespace."""
    _spare_nic(node, LAN)
    with node.pod("nic") as pod:
        node.add(pod)
        assert 2 == len(node.leases())
        _delete_link(node, pod.name, "net1")

        node.delete(pod)
        assert [] == node.leases()


def test_a_pending_delete_frees_the_address_with_the_call_of_another_pod(
    own_stage: DemoNode, cnitool: Path
) -> None:
    """The daemon died in a DEL. Its shim is gone, the namespace is still there, the interface is not."""
    node = CnitoolNode(own_stage, cnitool)
    node.create_nad("data", MACVLAN)
    _spare_nic(node, LAN)
    with node.pod("nic") as pod, node.pod("data") as other:
        with own_stage.daemon(NET_ADMIN_ALONE):
            node.add(pod)
        _delete_link(node, pod.name, "net1")
        entry = own_stage.paths.ledger / f"{sandbox(pod)}.json"
        entry.write_text(
            json.dumps(json.loads(entry.read_text().splitlines()[-1]) | {"phase": Phase.DELETING})
        )

        with own_stage.daemon(NET_ADMIN_ALONE):
            node.add(other)
            assert not entry.exists()
            assert not [lease for lease in node.leases() if "nic" in lease]
            node.delete(other)
    assert NOTHING == left_on(node)


@pytest.fixture
def earlier_shim(own_stage: DemoNode) -> Iterator[Path]:
    """The shim of the release before is installed, or still runs."""
    installed = own_stage.paths.bin_dir / "netattach"
    released = installed.readlink()
    _link(installed, build.shim_of_protocol(1))
    yield installed
    _link(installed, released)


def _link(path: Path, target: Path) -> None:
    path.with_suffix(".new").symlink_to(target)
    path.with_suffix(".new").replace(path)


def test_an_add_of_an_earlier_shim_is_tried_again(node: CnitoolNode, earlier_shim: Path) -> None:
    """With code 11: the runtime retries with the shim that is installed by then. Nothing was started."""
    node.create_nad("data", MACVLAN)
    with node.pod("data") as pod:
        error = error_of(node, "ADD", pod, wait_ms=PATIENT)

        assert TRY_AGAIN == error["code"]
        assert "an earlier release" in error["msg"]
        assert ["lo"] == node.link_names(pod)
        _link(earlier_shim, build.shim_binary())
        node.add(pod)
        node.delete(pod)


def test_the_shim_before_sysctls_attaches_and_deletes(node: CnitoolNode, earlier_shim: Path) -> None:
    """It passes the sockets, and plugins write sysctls by themselves."""
    _link(earlier_shim, build.shim_of_protocol(2))
    node.create_nad("data", MACVLAN)
    with node.pod([{"name": "data", "default-route": [GATEWAY]}]) as pod:
        node.add(pod)
        assert [f"net1 {GATEWAY}"] == node.default_routes(pod)
        assert 0 == node.call("check", pod).returncode
        node.delete(pod)
        assert ["lo"] == node.link_names(pod)


def test_an_earlier_shim_deletes_and_checks(node: CnitoolNode, earlier_shim: Path) -> None:
    node.create_nad("data", MACVLAN)
    with node.pod("data") as pod:
        earlier = earlier_shim.readlink()
        _link(earlier_shim, build.shim_binary())
        node.add(pod)
        _link(earlier_shim, earlier)

        assert 0 == node.call("check", pod).returncode
        node.delete(pod)
        assert ["lo"] == node.link_names(pod)


def test_a_daemon_that_may_enter_namespaces_serves_an_earlier_shim(
    own_stage: DemoNode, cnitool: Path, earlier_shim: Path
) -> None:
    assert earlier_shim.exists()
    node = CnitoolNode(own_stage, cnitool)
    node.create_nad("data", MACVLAN)
    with own_stage.daemon(), node.pod([{"name": "data", "default-route": [GATEWAY]}]) as pod:
        node.add(pod)
        assert [f"net1 {GATEWAY}"] == node.default_routes(pod)
        node.delete(pod)
    assert NOTHING == left_on(node)
