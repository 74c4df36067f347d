"""Which device each network of a pod gets, and what a network without one comes to."""

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
    """Its first letter stands for its resource."""
    text = config if isinstance(config, str) else json.dumps(config)
    return Network(f"lab/{name}", text, name, resource=RESOURCES[name[0]])


def _assigned(names: str, config: Any, named: str = "") -> list[str]:
    networks = [_network(name, config) for name in names]
    return [each.device for each in device_assignment.assign(networks, [named] * len(networks), POD, VFS)]


def test_devices_are_taken_in_the_annotations_order() -> None:
    """By resource; the same network twice takes two."""
    assert ["dev0", "dev7", "", "dev1"] == _assigned("sdps", SRIOV)


def test_a_missing_device_is_an_error_that_says_what_to_do() -> None:
    """Multus attaches the network without."""
    with pytest.raises(ConfigError) as failure:
        _assigned("sss", SRIOV)

    assert (
        "network lab/s: its resourceName intel.com/sriov wants a device for each of 3 attachments, and the kubelet gave pod "
        'lab/web only dev0, dev1; request as many in a container, resources.limits: {"intel.com/sriov": "3"}'
        == failure.value.message
    )


def test_a_pod_that_was_given_none_is_told_so() -> None:
    with pytest.raises(ConfigError, match="gave pod lab/web none; request as many"):
        _assigned("m", {"type": "host-device"})


@pytest.mark.parametrize(
    "config",
    [
        {"type": "bridge"},
        {"plugins": [{"type": "cnv-bridge"}, {"type": "tuning"}]},
    ],
    ids=["bridge", "list"],
)
def test_plugins_that_read_no_device_take_none(config: dict[str, Any]) -> None:
    """KubeVirt's markers are resources without devices, so that pods come to nodes that have the bridge."""
    assert not device_assignment.takes_one(_network("s", config))
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
def test_who_can_do_without_does(config: dict[str, Any]) -> None:
    """What ran under Multus goes on running; where there is a device, it gets it."""
    assert device_assignment.takes_one(_network("m", config))
    assert [""] == _assigned("m", config)
    assert ["dev0"] == _assigned("s", config)


def test_a_device_that_the_pod_names_itself_will_do() -> None:
    assert [""] == _assigned("m", SRIOV, named="0000:00:01.0")
    assert ["dev0"] == _assigned("s", SRIOV, named="0000:00:01.0")


def test_a_configuration_that_cannot_be_read_is_told_of_elsewhere() -> None:
    assert not device_assignment.takes_one(_network("s", "{"))


@pytest.mark.parametrize(
    "config", [{"type": "sriov"}, {"type": "sriov", "DEVICEID": "x", "pciBusID": "y", "deviceID": "z"}]
)
def test_the_device_stands_in_the_configuration_once(config: dict[str, Any]) -> None:
    """Go would read the last of several, in whatever case."""
    text = cni_config.with_device(json.dumps(config), "0000:3b:02.0")

    assert {"type": "sriov", "deviceID": "0000:3b:02.0", "pciBusID": "0000:3b:02.0"} == json.loads(text)
