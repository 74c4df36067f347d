"""Which device each network of a pod gets, and what happens to a network without one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Network
from netattach_core.cni import config as cni_config
from netattach_core.devices import assignment as device_assignment
from netattach_core.errors import ConfigError

POD = PodRef("lab", "web")
VFS = {"intel.com/sriov": ("dev0", "dev1"), "intel.com/dpdk": ("dev7",)}
SRIOV = {"type": "sriov"}
RESOURCES = {"s": "intel.com/sriov", "d": "intel.com/dpdk", "m": "mellanox.com/none", "p": ""}


def _network(name: str, config: Any) -> Network:
    """With the resource of its first letter."""
    text = config if isinstance(config, str) else json.dumps(config)
    return Network(f"lab/{name}", text, name, resource=RESOURCES[name[0]])


def _assigned(names: str, config: Any, named: str = "") -> list[str]:
    networks = [_network(name, config) for name in names]
    return [each.device for each in device_assignment.assign(networks, [named] * len(networks), POD, VFS)]


def test_devices_are_assigned_in_the_annotations_order() -> None:
    """By resource; a network that is listed twice gets two."""
    assert ["dev0", "dev7", "", "dev1"] == _assigned("sdps", SRIOV)


def test_a_missing_device_is_an_error_with_its_fix() -> None:
    """Multus attaches the network without it."""
    with pytest.raises(ConfigError) as failure:
        _assigned("sss", SRIOV)

    assert (
        "network lab/s: its resourceName intel.com/sriov requires a device for each of 3 attachments, and the kubelet "
        'allocated only dev0, dev1 to pod lab/web; request as many in a container, resources.limits: {"intel.com/sriov": "3"}'
        == failure.value.message
    )


def test_a_pod_without_devices_is_an_error() -> None:
    with pytest.raises(ConfigError, match="allocated none to pod lab/web; request as many"):
        _assigned("m", {"type": "host-device"})


@pytest.mark.parametrize(
    "config",
    [
        {"type": "bridge"},
        {"plugins": [{"type": "cnv-bridge"}, {"type": "tuning"}]},
    ],
    ids=["bridge", "list"],
)
def test_plugins_that_use_no_device_get_none(config: dict[str, Any]) -> None:
    """KubeVirt has resources without devices, so that pods are scheduled to nodes with the bridge."""
    assert not device_assignment.takes_device(_network("s", config))
    assert [""] == _assigned("s", config) == _assigned("m", config)


@pytest.mark.parametrize(
    "config",
    [
        {"type": "ovs"},
        {"type": "ovn-k8s-cni-overlay"},
        {"type": "host-device", "device": "eth1"},
        {"type": "host-device", "pciBusID": "0000:00:01.0"},
        {"plugins": [{"type": "sriov", "deviceID": "0000:00:01.0"}]},
    ],
    ids=["ovs", "ovn", "device", "pciBusID", "deviceID"],
)
def test_plugins_with_an_optional_device(config: dict[str, Any]) -> None:
    """They work without one, as with Multus, and get one that is available."""
    assert device_assignment.takes_device(_network("m", config))
    assert [""] == _assigned("m", config)
    assert ["dev0"] == _assigned("s", config)


def test_a_device_that_the_pod_names_suffices() -> None:
    assert [""] == _assigned("m", SRIOV, named="0000:00:01.0")
    assert ["dev0"] == _assigned("s", SRIOV, named="0000:00:01.0")


def test_an_unreadable_configuration_takes_no_device() -> None:
    """Another check reports it."""
    assert not device_assignment.takes_device(_network("s", "{"))


@pytest.mark.parametrize(
    "config", [{"type": "sriov"}, {"type": "sriov", "DEVICEID": "x", "pciBusID": "y", "deviceID": "z"}]
)
def test_the_device_replaces_others_in_the_configuration(config: dict[str, Any]) -> None:
    """Of several keys that differ in case Go reads the last one."""
    text = cni_config.with_device(json.dumps(config), "0000:3b:02.0")

    assert {"type": "sriov", "deviceID": "0000:3b:02.0", "pciBusID": "0000:3b:02.0"} == json.loads(text)
