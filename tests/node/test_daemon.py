"""The daemon as a process on a node: its inventory, its size, its end."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, DemoNodeError, NodePaths

MAX_RESIDENT_KIB = 60 * 1024


@pytest.fixture
def own_stage(places: NodePaths, tmp_path: Path) -> Any:
    """A node with a daemon that the test starts and stops."""
    with demo_node.build(NodePaths(tmp_path / "stage", places.plugins, places.shim)) as built:
        yield built


def _inventory(built: DemoNode) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(built.inventory.read_text())
    return body


def test_it_is_small(own_stage: DemoNode) -> None:
    """Idle, after it has written the inventory."""
    with own_stage.daemon() as daemon:
        status = Path(f"/proc/{daemon.pid}/status").read_text()

    resident = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
    assert resident < MAX_RESIDENT_KIB


def test_its_inventory_has_interfaces_and_the_reasons_for_default_ones(own_stage: DemoNode) -> None:
    """As the kernel has them."""
    own_stage.run("ip", "-6", "address", "add", "fd00::11/64", "dev", "eth0", "nodad")
    own_stage.run("ip", "-6", "route", "add", "default", "via", "fd00::1", "dev", "eth0")
    own_stage.run("ip", "link", "add", "br9", "type", "bridge")
    own_stage.run("ip", "link", "set", "eth1", "master", "br9", "mtu", "1400")

    with own_stage.daemon():
        body = _inventory(own_stage)

    interfaces = {each["name"]: each for each in body["interfaces"]}
    assert {"lo", "eth0", "eth1", "br9"} == set(interfaces)
    assert (1400, "br9", "veth", True) == tuple(
        interfaces["eth1"][k] for k in ("mtu", "controller", "kind", "up")
    )
    assert {"172.30.0.11/24", "fd00::11/64"} == set(interfaces["eth0"]["addresses"])
    reasons = ["carries the IPv4 default route", "carries the IPv6 default route"]
    assert [{"name": "eth0", "reasons": reasons}] == body["defaultInterfaces"]


def test_its_inventory_has_no_peer_addresses_and_no_unreachable_routes(own_stage: DemoNode) -> None:
    """Of a point-to-point link the local address; an unreachable default route makes no interface a default one."""
    own_stage.run("ip", "address", "add", "10.7.0.1", "peer", "10.7.0.2/32", "dev", "eth1")
    own_stage.run("ip", "-6", "route", "add", "unreachable", "default", "metric", "9000")
    own_stage.run("ip", "link", "add", "veth8765abcd", "type", "veth", "peer", "name", "inpod")

    with own_stage.daemon():
        body = _inventory(own_stage)

    interfaces = {each["name"]: each for each in body["interfaces"]}
    assert ["10.0.3.11/24", "10.7.0.1/32"] == interfaces["eth1"]["addresses"]
    assert "veth8765abcd" not in interfaces
    assert [{"name": "eth0", "reasons": ["carries the IPv4 default route"]}] == body["defaultInterfaces"]


def test_the_ports_of_a_default_bridge_are_default_interfaces_too(own_stage: DemoNode) -> None:
    """Moving the port into a pod would interrupt the bridge's traffic."""
    own_stage.run("ip", "link", "add", "br9", "up", "type", "bridge")
    own_stage.run("ip", "address", "add", "10.9.0.2/24", "dev", "br9")
    own_stage.run("ip", "link", "set", "eth1", "master", "br9")
    own_stage.run("ip", "route", "replace", "default", "via", "10.9.0.1")

    with own_stage.daemon():
        body = _inventory(own_stage)

    reasons = {each["name"]: each["reasons"] for each in body["defaultInterfaces"]}
    assert {
        "br9": ["carries the IPv4 default route"],
        "eth1": ["is a port of br9, which carries the IPv4 default route"],
    } == reasons


def test_its_inventory_has_plugins_with_versions_and_the_default_network(own_stage: DemoNode) -> None:
    """A program that does not answer is a plugin without versions."""
    (own_stage.paths.bin_dir / "silent").write_text("#!/bin/sh\nexit 1\n")
    (own_stage.paths.bin_dir / "silent").chmod(0o755)
    (own_stage.paths.bin_dir / "readme.txt").write_text("not a program")

    with own_stage.daemon():
        body = _inventory(own_stage)

    versions = {each["name"]: each["versions"] for each in body["plugins"]}
    assert "1.0.0" in versions["macvlan"]
    assert "netattach" not in versions  # no network may call the shim
    assert [] == versions["silent"]
    assert "readme.txt" not in versions
    file = str(own_stage.paths.conf_dir / "10-default.conflist")
    assert {"name": "cbr0", "file": file, "pluginTypes": ["bridge"]} == body["primary"]


def test_its_inventory_has_the_readable_networks_of_the_node(own_stage: DemoNode) -> None:
    """Without netattach's own."""
    (own_stage.paths.conf_dir / "20-other.conf").write_text('{"name":"other","type":"bridge"}')
    (own_stage.paths.conf_dir / "30-half.conf").write_text('{"name":"ha')

    with own_stage.daemon():
        body = _inventory(own_stage)

    files = [("10-default.conflist", "cbr0"), ("20-other.conf", "other")]
    assert [{"file": file, "name": name} for file, name in files] == body["networks"]


def test_it_ends_on_sigterm_and_removes_its_socket(own_stage: DemoNode) -> None:
    """The kubelet ends its pod by that signal."""
    with own_stage.daemon() as daemon:
        socket = Path(f"/proc/{daemon.pid}/root/run/netattach/cni.sock")
        assert socket.is_socket()
        daemon.send_signal(signal.SIGTERM)

        assert 0 == daemon.wait(timeout=10)
    assert "" == own_stage.run("ls", "/run/netattach").stdout


def test_an_invalid_setting_is_named(own_stage: DemoNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a traceback."""
    monkeypatch.setenv("NETATTACH_DRAIN", "soon")

    with pytest.raises(DemoNodeError) as refusal, own_stage.daemon():
        pass

    assert (
        " ERROR netattach-daemon \"NETATTACH_DRAIN is 'soon'; it has to be a finite number of seconds"
        in str(refusal.value)
    )
    assert "Traceback" not in str(refusal.value)
