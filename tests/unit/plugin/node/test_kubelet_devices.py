"""The kubelet's answers over its socket: old and new kubelets, busy ones, and those that break off."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.errors import NetattachError, TryAgainError
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
    socket: Path, twin: Kubelet, seconds: float = 5.0, slices: Slices | None = None
) -> Mapping[str, Any]:
    async def story() -> Mapping[str, Any]:
        async with kubelet.serving(twin, socket):
            return await KubeletDevices(socket, slices, seconds).of_pod(POD)

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("has_get", "calls"), [(True, ["Get"]), (False, ["Get", "List"])], ids=["new", "old"]
)
def test_the_pods_devices_come_by_container(socket: Path, has_get: bool, calls: list[str]) -> None:  # noqa: FBT001  # a table's column
    """Sorted within each, since the kubelet tells them in any order (Multus #1540)."""
    twin = Kubelet(PODS, has_get=has_get)

    assert DEVICES == _ask(socket, twin)
    assert calls == twin.calls


def test_devices_of_claims_come_by_claim_and_by_what_their_driver_publishes(socket: Path) -> None:
    """Each driver is asked about once, and only where the pod has claims."""
    asked: list[str] = []
    attributes = {
        "k8s.cni.cncf.io/resourceName": {"string": "x/vfs"},
        "k8s.cni.cncf.io/deviceID": {"string": "0000:01"},
    }

    async def slices(driver: str) -> list[dict[str, Any]]:
        asked.append(driver)
        devices = [{"name": "vf-0", "attributes": attributes}]
        return [{"spec": {"driver": driver, "pool": {"name": "node1"}, "devices": devices}}]

    twin = Kubelet(PODS, claims=[kubelet.claim("nic", "vf-0", "vf-1")])

    assert {**DEVICES, "nic": ("vf-0", "vf-1"), "x/vfs": ("0000:01",)} == _ask(socket, twin, slices=slices)
    assert ["nic.vendor.com"] == asked
    assert DEVICES == _ask(socket, Kubelet(PODS), slices=slices)
    assert ["nic.vendor.com"] == asked


def test_a_long_answer_comes_whole(socket: Path) -> None:
    """More than the first window of HTTP/2 lets through."""
    assert DEVICES == _ask(socket, Kubelet(PODS, has_get=False, padding=2000))


def test_a_pod_that_the_kubelet_does_not_know_has_none(socket: Path) -> None:
    assert {} == _ask(socket, Kubelet())


def test_a_kubelet_that_is_asked_too_much_is_asked_again(socket: Path) -> None:
    """It lets ten calls at once pass; a node that starts up has more."""
    twin = Kubelet(PODS, busy=3)

    assert DEVICES == _ask(socket, twin)
    assert ["Get"] * 4 == twin.calls


def test_a_kubelet_that_says_nothing_is_given_up(socket: Path) -> None:
    with pytest.raises(
        TryAgainError, match=r"kubelet\.sock for the devices of pod lab/web: it did not answer within 0\.1 s"
    ):
        _ask(socket, Kubelet(hangs=True), seconds=0.1)


def test_without_a_socket_the_message_says_where_it_was_looked_for(socket: Path) -> None:
    with pytest.raises(
        TryAgainError, match=r"the kubelet cannot be asked at .*kubelet\.sock for the devices of pod lab/web"
    ):
        asyncio.run(KubeletDevices(socket).of_pod(POD))


@pytest.mark.parametrize(
    ("twin", "message"),
    [
        (Kubelet(breaks=True), "it hung up before its answer had come"),
        (Kubelet(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "the kubelet cannot be asked"),
        (Kubelet(raw=bytes.fromhex("0000080700000000000000000000000002")), "broke the call off"),
    ],
    ids=["breaks-off", "no-http2", "goes-away"],
)
def test_what_is_no_answer_is_a_failure(socket: Path, twin: Kubelet, message: str) -> None:
    """And never a pod without devices."""
    with pytest.raises(NetattachError, match=message):
        _ask(socket, twin)
