"""Multus' unit tests of devices as tables; each difference has its reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.cni import config as cni_config
from netattach_core.devices import device_info, pod_resources, resource_slices
from netattach_core.devices.pod_resources import Allocated
from support.kubelet import claim, message, pod


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            {"name": "n", "type": "sriov"},
            {"deviceID": "0000:00:00.0", "pciBusID": "0000:00:00.0", "name": "n", "type": "sriov"},
            id="conf",
        ),
        pytest.param(
            {
                "name": "n",
                "plugins": [{"type": "sriov", "x": [1, {"y": None}]}, {"type": "other"}],
                "kept": 1.50,
            },
            {
                "plugins": [
                    {
                        "deviceID": "0000:00:00.0",
                        "pciBusID": "0000:00:00.0",
                        "type": "sriov",
                        "x": [1, {"y": None}],
                    },
                    {"deviceID": "0000:00:00.0", "pciBusID": "0000:00:00.0", "type": "other"},
                ],
                "name": "n",
                "kept": 1.50,
            },
            id="conflist",
        ),
        pytest.param(
            {
                "name": "n",
                "type": "calico",
                "kubernetes": {"kubeconfig": "/k"},
                "datastore_type": "kubernetes",
            },
            {
                "deviceID": "0000:00:00.0",
                "pciBusID": "0000:00:00.0",
                "name": "n",
                "type": "calico",
                "kubernetes": {"kubeconfig": "/k"},
                "datastore_type": "kubernetes",
            },
            id="extra-fields",  # Multus 4.3.0 loses them
        ),
    ],
)
def test_each_plugin_gets_the_device(before: dict[str, Any], after: dict[str, Any]) -> None:
    """All else keeps its bytes and order."""
    text = cni_config.with_device(json.dumps(before), "0000:00:00.0")

    assert after == json.loads(text)
    assert list(after) == list(json.loads(text))


def test_a_pods_resource_has_its_devices() -> None:
    """{resource: [dev0, dev1]}."""
    answer = message((1, pod("ns", "p", [{"resource": ["dev0", "dev1"]}])))

    assert {"resource": ("dev0", "dev1")} == pod_resources.get_response(answer).devices


def test_an_unknown_pod_has_no_devices() -> None:
    """Such as one without a name, which Multus refuses and which never reaches netattach."""
    answer = message((1, pod("ns", "p", [{"resource": ["dev0"]}])))

    assert {} == pod_resources.list_response(answer, "", "").devices


def test_devices_are_sorted() -> None:
    """As from the checkpoint's NUMA map {"-1": [02.3, 02.0]}, but by container (Multus issue #1539)."""
    containers = [{"r": ["0000:00:02.3", "0000:00:02.0"]}, {"r": ["0000:00:01.0"]}]

    found = pod_resources.get_response(message((1, pod("ns", "p", containers))))

    assert {"r": ("0000:00:02.0", "0000:00:02.3", "0000:00:01.0")} == found.devices


def test_devices_of_a_claim_by_its_name() -> None:
    """Multus 4.3.0: the claim's name, and the part after `=` in the names of its CDI devices."""
    answer = message((1, pod("ns", "p", [{}, {}], [claim("nic", "vf-1", "vf-0")])))

    found = pod_resources.get_response(answer)

    assert {"nic": ("vf-0", "vf-1")} == found.claimed
    assert [
        Allocated("nic.vendor.com", "node1", "vf-0"),
        Allocated("nic.vendor.com", "node1", "vf-1"),
    ] == found.allocated


def _slice(driver: str, pool: str, **devices: dict[str, str]) -> dict[str, Any]:
    listed = [
        {
            "name": name.replace("_", "-"),
            "attributes": {key: {"string": value} for key, value in attributes.items()},
        }
        for name, attributes in devices.items()
    ]
    return {"spec": {"nodeName": "node1", "driver": driver, "pool": {"name": pool}, "devices": listed}}


VF0 = {resource_slices.RESOURCE_NAME: "vendor.com/vfs", resource_slices.DEVICE_ID: "0000:3b:02.0"}
VF1 = {resource_slices.RESOURCE_NAME: "vendor.com/vfs", resource_slices.DEVICE_ID: "0000:3b:02.1"}
SLICES: dict[str, tuple[list[dict[str, Any]], dict[str, tuple[str, ...]]]] = {
    "two devices of one resource": (
        [_slice("nic.vendor.com", "node1", vf_1=VF1), _slice("nic.vendor.com", "node1", vf_0=VF0)],
        {"vendor.com/vfs": ("0000:3b:02.0", "0000:3b:02.1")},
    ),
    "a device without attributes for CNI": (
        [_slice("nic.vendor.com", "node1", vf_0={"vendor.com/speed": "fast"}, vf_1=VF1)],
        {"vendor.com/vfs": ("0000:3b:02.1",)},
    ),
    "one without an id": (
        [_slice("nic.vendor.com", "node1", vf_0={resource_slices.RESOURCE_NAME: "vendor.com/vfs"})],
        {},
    ),
    "another driver's, another pool's": (
        [_slice("gpu.vendor.com", "node1", vf_0=VF0), _slice("nic.vendor.com", "node2", vf_0=VF0)],
        {},
    ),
    "attributes of other kinds, and none": (
        [
            {
                "spec": {
                    "driver": "nic.vendor.com",
                    "pool": {"name": "node1"},
                    "devices": [
                        {"name": "vf-0", "attributes": {resource_slices.DEVICE_ID: {"int": 5}}},
                        {"name": "vf-1"},
                    ],
                }
            },
            {"spec": {"driver": "nic.vendor.com", "pool": {"name": "node1"}}},
        ],
        {},
    ),
    "no slices": ([], {}),
}


@pytest.mark.parametrize(("slices", "expected"), SLICES.values(), ids=SLICES)
def test_devices_of_a_claim_by_resource_name(
    slices: list[dict[str, Any]], expected: dict[str, tuple[str, ...]]
) -> None:
    """Multus 4.3.1: attributes in ResourceSlices; devices without them are ignored."""
    allocated = [Allocated("nic.vendor.com", "node1", "vf-0"), Allocated("nic.vendor.com", "node1", "vf-1")]

    assert expected == resource_slices.devices(slices, allocated)


def test_name_of_the_device_plugins_file() -> None:
    """As used by Multus and device plugins: slashes in both parts become dashes."""
    attachment = Attachment(
        "ns/n", "net1", "{}", "n", runtime_config={"deviceID": "a/b"}, resource="intel.com/sriov/x"
    )

    path = device_info.device_plugins_file(attachment, "/var/run/k8s.cni.cncf.io/devinfo")

    assert "/var/run/k8s.cni.cncf.io/devinfo/dp/intel.com-sriov-x-a-b-device.json" == path
