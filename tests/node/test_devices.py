"""A NIC of the node as a device of a pod: the kubelet's socket, a device plugin's file, the reference host-device plugin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import NodePaths
from support import kubelet
from support.kubelet import Kubelet
from support.node import CnitoolNode
from support.waiting import eventually

RESOURCE = "example.com/nic"
INFO: dict[str, Any] = {"type": "pci", "version": "1.1.0", "pci": {"pci-address": "0000:3b:02.0"}}
RECORDER = """#!/bin/sh
# A plugin that stores its input, and may write a device-info file.
cat > {folder}/$CNI_COMMAND.json
[ "$CNI_COMMAND" = ADD ] || exit 0
{write}
echo '{{"cniVersion":"1.0.0","interfaces":[{{"name":"net1","sandbox":"'"$CNI_NETNS"'"}}]}}'
"""


@pytest.fixture
def devices(node: CnitoolNode) -> Iterator[CnitoolNode]:
    """The node with a device plugin's file of one device."""
    folder = node.stage.paths.device_info / "dp"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "example.com-nic-0000:3b:02.0-device.json").write_text(json.dumps(INFO))
    yield node
    for path in folder.iterdir():
        path.unlink()


def _recorder(node: CnitoolNode, folder: Path, write: str = "") -> str:
    path = node.stage.paths.bin_dir / "recorder"
    path.write_text(RECORDER.format(folder=folder, write=write))
    path.chmod(0o755)
    return path.name


def _kubelet(*ids: str) -> Kubelet:
    """One that allocates these devices to every pod of this test."""
    return Kubelet({f"default/pod{number}": [{RESOURCE: ids}] for number in range(1, 2000)}, has_get=True)


def test_the_plugin_gets_the_device_and_the_status_its_description(
    devices: CnitoolNode, tmp_path: Path
) -> None:
    """From the kubelet's socket to network-status; DEL gets the input of ADD."""
    kind = _recorder(devices, tmp_path)
    config = {
        "cniVersion": "1.0.0",
        "type": kind,
        "capabilities": {"deviceID": True, "CNIDeviceInfoFile": True},
    }
    devices.create_nad("vf", config, resource=RESOURCE)
    own = devices.stage.paths.device_info / "cni"
    with (
        kubelet.serving_in_thread(_kubelet("0000:3b:02.0"), devices.stage.paths.kubelet),
        devices.pod("vf") as pod,
    ):
        devices.add(pod)

        assert INFO == devices.status(pod)[1]["device-info"]
        (path,) = own.iterdir()
        assert f"netattach-default-vf-{sandbox_of(devices)}_net1" == path.name
        stdin = json.loads((tmp_path / "ADD.json").read_text())
        assert ("0000:3b:02.0", "0000:3b:02.0") == (stdin["deviceID"], stdin["pciBusID"])
        assert {"deviceID": "0000:3b:02.0", "CNIDeviceInfoFile": str(path)} == stdin["runtimeConfig"]

        devices.delete(pod)
        assert stdin == {
            k: v for k, v in json.loads((tmp_path / "DEL.json").read_text()).items() if k != "prevResult"
        }
        assert [] == list(own.iterdir())
    (devices.stage.paths.bin_dir / kind).unlink()


def test_a_plugin_may_write_the_file_itself(node: CnitoolNode, tmp_path: Path) -> None:
    """Without any resource."""
    info = '{"type":"memif","version":"1.1.0","memif":{"role":"master","path":"/s","mode":"ethernet"}}'
    write = "f=$(sed 's/.*CNIDeviceInfoFile\": *\"\\([^\"]*\\).*/\\1/' {folder}/ADD.json); echo '{info}' > $f"
    kind = _recorder(node, tmp_path, write.format(folder=tmp_path, info=info))
    node.create_nad("m", {"cniVersion": "1.0.0", "type": kind, "capabilities": {"CNIDeviceInfoFile": True}})
    with node.pod("m") as pod:
        node.add(pod)

        assert json.loads(info) == node.status(pod)[1]["device-info"]
        node.delete(pod)
    (node.stage.paths.bin_dir / kind).unlink()


def test_a_pod_without_the_device_fails_with_the_fix(node: CnitoolNode) -> None:
    """Nothing is touched."""
    node.create_nad("vf", {"cniVersion": "1.0.0", "type": "host-device"}, resource=RESOURCE)
    with kubelet.serving_in_thread(_kubelet(), node.stage.paths.kubelet), node.pod("vf") as pod:
        added = node.call("add", pod)

        assert "network default/vf: its resourceName example.com/nic requires a device" in added.stderr
        assert (["lo"], []) == (node.link_names(pod), node.ledger_entries())


def test_without_a_kubelet_only_pods_with_devices_fail(node: CnitoolNode) -> None:
    """With the path of its socket in the message."""
    node.create_nad("vf", {"cniVersion": "1.0.0", "type": "host-device"}, resource=RESOURCE)
    node.create_nad(
        "br",
        {"cniVersion": "1.0.0", "type": "bridge", "bridge": "mybr0"},
        resource="bridge.network.kubevirt.io/mybr0",
    )
    with node.pod("vf") as pod:
        added = node.call("add", pod)

        assert f"the kubelet cannot be asked at {node.stage.paths.kubelet}" in added.stderr
        assert (["lo"], []) == (node.link_names(pod), node.ledger_entries())
    with node.pod("br") as pod:
        node.add(pod)
        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        node.delete(pod)


@pytest.mark.parametrize("alone", [False, True], ids=["next-daemon", "shim"])
def test_a_daemon_that_died_leaves_no_file(
    places: NodePaths,
    cnitool: Path,
    tmp_path: Path,
    alone: bool,  # noqa: FBT001  # a table's column
) -> None:
    """Its path is in the ledger: after a DEL by the next daemon, or by the shim and a start of the daemon, the file is gone."""
    own = NodePaths(tmp_path / "s", places.plugins, places.shim)
    with demo_node.build(own) as built:
        node = CnitoolNode(built, cnitool)
        (own.device_info / "dp").mkdir(parents=True)
        (own.device_info / "dp/example.com-nic-0000:3b:02.0-device.json").write_text(json.dumps(INFO))
        kind = _recorder(node, tmp_path)
        node.create_nad("vf", {"cniVersion": "1.0.0", "type": kind}, resource=RESOURCE)
        with node.pod("vf") as pod:
            with kubelet.serving_in_thread(_kubelet("0000:3b:02.0"), own.kubelet), built.daemon() as first:
                node.add(pod)
                first.kill()
                first.wait()
            assert 1 == len(list((own.device_info / "cni").iterdir()))
            if alone:
                node.delete(pod)
                assert 1 == len(list((own.device_info / "cni").iterdir()))
            built.run("rm", "/run/netattach/cni.sock")
            with built.daemon():
                if not alone:
                    node.delete(pod)
                eventually(lambda: list((own.device_info / "cni").iterdir()) == [])


def sandbox_of(node: CnitoolNode) -> str:
    """The only one in the ledger."""
    (entry,) = node.stage.paths.ledger.glob("*.json")
    return entry.stem
