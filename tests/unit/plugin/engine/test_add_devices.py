"""Devices in an ADD: assigned, given to the plugins, reported in the status, kept for DEL; and their failures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.nad import RESOURCE_NAME
from netattach_core.errors import NetattachError, TryAgainError
from support.twins import failed
from support.world import World, body

INFO = {"type": "pci", "version": "1.1.0", "pci": {"pci-address": "dev0"}}
CHAIN = {
    "cniVersion": "1.0.0",
    "name": "vf",
    "plugins": [
        {"type": "sriov", "vlan": 5, "capabilities": {"deviceID": True, "CNIDeviceInfoFile": True}},
        {"type": "tuning"},
    ],
}


def _world(annotation: str = "vf", **chain: Any) -> World:
    world = World(annotation)
    nad = body("NetworkAttachmentDefinition", "vf", annotations={RESOURCE_NAME: "intel.com/sriov"})
    world.store.create({**nad, "spec": {"config": json.dumps({**CHAIN, **chain})}})
    world.devices.devices = {"intel.com/sriov": ("dev0", "dev1")}
    world.device_files.known = {"dev0": INFO}
    return world


def test_each_plugin_gets_the_device_and_the_status_has_its_info() -> None:
    """Under both keys in the config and by capability, as from Multus; the status has its order of keys."""
    world = _world()

    world.add()

    asked = {run.plugin: run.stdin for run in world.shim.runs if run.ifname == "net1"}
    assert [("dev0", "dev0")] * 2 == [(stdin["deviceID"], stdin["pciBusID"]) for stdin in asked.values()]
    assert 5 == asked["sriov"]["vlan"]
    assert {"deviceID": "dev0", "CNIDeviceInfoFile": "/d/cni/netattach-test-vf-c1_net1"} == asked["sriov"][
        "runtimeConfig"
    ]
    assert "runtimeConfig" not in asked["tuning"]
    entry = json.loads(world.status.written["test/p"])[1]
    assert ["name", "interface", "ips", "mac", "dns", "device-info"] == list(entry)
    assert INFO == entry["device-info"]


def test_the_same_network_twice_has_two_devices() -> None:
    world = _world("vf,vf")

    world.add()

    assert ["dev0", "dev1"] == [
        run.stdin["deviceID"] for run in world.shim.runs if str(run).endswith("sriov")
    ]
    assert 1 == world.devices.asked


def test_delete_has_the_device_of_the_add_and_removes_its_file() -> None:
    """From the ledger: the kubelet may have dropped the pod, and the daemon may have been restarted."""
    world = _world()
    world.add()
    assert ["/d/cni/netattach-test-vf-c1_net1"] == list(world.device_files.written)
    world.devices.unreachable = True
    world.shim.runs.clear()

    world.delete()

    assert ["dev0", "dev0"] == [run.stdin["deviceID"] for run in world.shim.runs if run.ifname == "net1"]
    assert {} == world.device_files.written


def test_a_delete_that_fails_keeps_the_file_for_the_next() -> None:
    world = _world()
    world.add()
    world.shim.replies["DEL net1 sriov"] = failed("busy")

    with pytest.raises(NetattachError):
        world.delete()
    assert ["/d/cni/netattach-test-vf-c1_net1"] == list(world.device_files.written)

    del world.shim.replies["DEL net1 sriov"]
    world.delete()
    assert {} == world.device_files.written


def test_a_failing_add_removes_the_file() -> None:
    world = _world()
    world.shim.replies["ADD net1 sriov"] = failed("no")

    with pytest.raises(NetattachError):
        world.add()

    assert ({}, {}) == (world.device_files.written, world.ledger.entries)


def test_a_missing_device_fails_before_anything_is_started() -> None:
    """Multus attaches the network without a device."""
    world = _world("vf,vf,vf")

    with pytest.raises(
        NetattachError,
        match=r"pod test/p: network test/vf: its resourceName intel\.com/sriov requires a device",
    ):
        world.add()

    assert ([], []) == (world.shim.runs, world.ledger.history)


def test_an_unreachable_kubelet_fails_the_add() -> None:
    """With the code for a retry."""
    world = _world()
    world.devices.unreachable = True

    with pytest.raises(TryAgainError, match="pod test/p: the kubelet cannot be asked"):
        world.add()

    assert ([], []) == (world.shim.runs, world.ledger.history)


def test_networks_without_devices_need_no_kubelet() -> None:
    world = _world("a,b")

    world.add()

    assert 0 == world.devices.asked


def test_a_device_info_file_that_cannot_be_written_fails_the_add() -> None:
    """No plugin has run, so none has to be undone."""
    world = _world()
    world.device_files.full = True

    with pytest.raises(NetattachError, match="pod test/p: its device-info file cannot be written"):
        world.add()

    assert ([], {}) == (world.shim.runs, world.ledger.entries)
