"""The kubelet's answers over its socket: from old and new kubelets, overloaded ones, and failing ones."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.errors import NetattachError, TryAgainError
from netattach_core.policy.case import KnownDevices
from netattach_plugin.node.kubelet_devices import KubeletDevices, Slices
from support import kubelet
from support.kubelet import Kubelet

POD = PodRef("lab", "web", "u1")
PODS = {
    "lab/web": [{"intel.com/sriov": ["0000:3b:02.1", "0000:3b:02.0"]}, {"intel.com/sriov": ["0000:3b:01.7"]}]
}
DEVICES = {"intel.com/sriov": ("0000:3b:02.0", "0000:3b:02.1", "0000:3b:01.7")}


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "kubelet.sock"


def _ask(
    socket: Path, twin: Kubelet, timeout: float = 60.0, slices: Slices | None = None
) -> Mapping[str, Any]:
    async def story() -> Mapping[str, Any]:
        async with kubelet.serving(twin, socket):
            return await KubeletDevices(socket, slices, timeout).of_pod(POD)

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("has_get", "calls"), [(True, ["Get"]), (False, ["Get", "List"])], ids=["new", "old"]
)
def test_devices_are_in_the_order_of_containers(socket: Path, has_get: bool, calls: list[str]) -> None:  # noqa: FBT001  # a table's column
    """Sorted within each, since the kubelet returns them in any order (Multus issue #1540)."""
    twin = Kubelet(PODS, has_get=has_get)

    assert DEVICES == _ask(socket, twin)
    assert calls == twin.calls


def test_devices_of_claims_are_listed_by_claim_and_by_resource_name(socket: Path) -> None:
    """The ResourceSlices of each driver are read once, and only if the pod has claims."""
    drivers: list[str] = []
    attributes = {
        "k8s.cni.cncf.io/resourceName": {"string": "x/vfs"},
        "k8s.cni.cncf.io/deviceID": {"string": "0000:01"},
    }

    async def slices(driver: str) -> list[dict[str, Any]]:
        drivers.append(driver)
        devices = [{"name": "vf-0", "attributes": attributes}]
        return [{"spec": {"driver": driver, "pool": {"name": "node1"}, "devices": devices}}]

    twin = Kubelet(PODS, claims=[kubelet.claim("nic", "vf-0", "vf-1")])

    assert {**DEVICES, "nic": ("vf-0", "vf-1"), "x/vfs": ("0000:01",)} == _ask(socket, twin, slices=slices)
    assert ["nic.vendor.com"] == drivers
    assert DEVICES == _ask(socket, Kubelet(PODS), slices=slices)
    assert ["nic.vendor.com"] == drivers


def _known(socket: Path, twin: Kubelet, slices: Slices | None = None) -> KnownDevices:
    async def story() -> KnownDevices:
        async with kubelet.serving(twin, socket):
            return await KubeletDevices(socket, slices).known(POD)

    return asyncio.run(story())


def test_the_devices_of_other_pods_are_those_of_the_whole_node(socket: Path) -> None:
    """A pod of the same name in another namespace is another pod."""
    others = {"lab/db": [{"x/vf": ["0000:3b:03.0"]}], "dev/web": [{"x/vf": ["0000:3b:03.1"], "y/z": ["z0"]}]}

    known = _known(socket, Kubelet({**PODS, **others}))

    assert frozenset(DEVICES["intel.com/sriov"]) == known.own
    assert {"0000:3b:03.0", "0000:3b:03.1", "z0"} == known.others
    assert KnownDevices() == _known(socket, Kubelet())


def test_devices_of_claims_are_known_by_the_names_of_cdi_and_by_their_ids(socket: Path) -> None:
    async def slices(driver: str) -> list[dict[str, Any]]:
        attributes = {
            "k8s.cni.cncf.io/resourceName": {"string": "x/vfs"},
            "k8s.cni.cncf.io/deviceID": {"string": "0000:01"},
        }
        devices = [{"name": "vf-0", "attributes": attributes}]
        return [{"spec": {"driver": driver, "pool": {"name": "node1"}, "devices": devices}}]

    twin = Kubelet({"lab/web": [], "lab/db": [{}]}, claims=[kubelet.claim("nic", "vf-0")])

    known = _known(socket, twin, slices)
    assert KnownDevices(others=frozenset({"vf-0", "0000:01"})) == known


def test_without_an_answer_of_the_kubelet_no_devices_are_known(socket: Path) -> None:
    with pytest.raises(TryAgainError, match="the kubelet cannot be asked"):
        asyncio.run(KubeletDevices(socket).known(POD))


def test_a_long_answer_is_read_completely(socket: Path) -> None:
    """It exceeds the initial flow-control window of HTTP/2."""
    assert DEVICES == _ask(socket, Kubelet(PODS, has_get=False, padding=2000))


def test_an_unknown_pod_has_no_devices(socket: Path) -> None:
    assert {} == _ask(socket, Kubelet())


def test_a_rejected_call_is_retried(socket: Path) -> None:
    """The kubelet accepts ten calls at once; a booting node makes more."""
    twin = Kubelet(PODS, busy=3)

    assert DEVICES == _ask(socket, twin)
    assert ["Get"] * 4 == twin.calls


def test_a_kubelet_that_does_not_answer(socket: Path) -> None:
    with pytest.raises(
        TryAgainError, match=r"kubelet\.sock for the devices of pod lab/web: it did not answer within 0\.1 s"
    ):
        _ask(socket, Kubelet(hangs=True), timeout=0.1)


def test_a_missing_socket_is_named(socket: Path) -> None:
    with pytest.raises(
        TryAgainError, match=r"the kubelet cannot be asked at .*kubelet\.sock for the devices of pod lab/web"
    ):
        asyncio.run(KubeletDevices(socket).of_pod(POD))


@pytest.mark.parametrize(
    ("twin", "message"),
    [
        (Kubelet(disconnects=True), "it closed the connection before answering"),
        (Kubelet(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "the kubelet cannot be asked"),
        (Kubelet(raw=bytes.fromhex("0000080700000000000000000000000002")), "cancelled the call"),
    ],
    ids=["disconnects", "no-http2", "goaway"],
)
def test_an_invalid_answer_is_an_error(socket: Path, twin: Kubelet, message: str) -> None:
    """And not a pod without devices."""
    with pytest.raises(NetattachError, match=message):
        _ask(socket, twin)
