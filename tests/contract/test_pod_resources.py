"""The kubelet's messages as its code writes them (k8s.io/kubelet v0.34.4, marshalled by google.golang.org/protobuf)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.devices import pod_resources
from netattach_core.devices.pod_resources import Allocated
from netattach_core.errors import DecodeError
from support.kubelet import message, pod

GET_RESPONSE = bytes.fromhex(
    "0af3010a0377656212036c61621a750a016112330a0f696e74656c2e636f6d2f7372696f76120c303030303a33623a30322e33120c303030303a"
    "33623a30322e301a040a020801121f0a0f696e74656c2e636f6d2f7372696f76120c303030303a35653a30322e301a0301ac0222150a0d687567"
    "6570616765732d3147691080808080041a700a0162121f0a0f696e74656c2e636f6d2f7372696f76120c303030303a33623a30322e312a4a1203"
    "6e69631a036c6162223e0a150a1376656e646f722e636f6d2f6e69633d76662d370a080a0662726f6b656e120e6e69632e76656e646f722e636f"
    "6d1a056e6f646531220476662d37"
)
"""Pod lab/web: container a with 3b:02.3, 3b:02.0 (one NUMA node), 5e:02.0 (another); b with 3b:02.1 and claim nic."""


def test_a_response_of_the_kubelet() -> None:
    """CPUs, memory and NUMA nodes are ignored; for a claim the name of its CDI device is used, as by Multus."""
    found = pod_resources.get_response(GET_RESPONSE)

    assert ("lab", "web") == (found.namespace, found.name)
    assert {
        "intel.com/sriov": ("0000:3b:02.0", "0000:3b:02.3", "0000:5e:02.0", "0000:3b:02.1")
    } == found.devices
    assert {"nic": ("vf-7",)} == found.claimed
    assert [Allocated("nic.vendor.com", "node1", "vf-7")] == found.allocated


def test_fields_of_the_request() -> None:
    """Field 1 is the name, field 2 the namespace."""
    assert message((1, "web"), (2, "lab")) == pod_resources.get_request("lab", "web")
    assert message((1, "x" * 253), (2, "lab")) == pod_resources.get_request("lab", "x" * 253)


def test_one_pod_of_a_list() -> None:
    """Also with the same name in two namespaces."""
    pods = [pod("other", "web", [{"r/x": ["1"]}]), pod("lab", "web", [{"r/x": ["2"]}]), pod("lab", "w", [])]

    found = pod_resources.list_response(message(*((1, each) for each in pods)), "lab", "web")

    assert {"r/x": ("2",)} == found.devices
    assert {} == pod_resources.list_response(b"", "lab", "web").devices


def test_a_device_that_two_containers_share_counts_once() -> None:
    shared = pod("lab", "web", [{"r/x": ["1", "2"]}, {"r/x": ["2", "3"]}])

    assert {"r/x": ("1", "2", "3")} == pod_resources.get_response(message((1, shared))).devices


@pytest.mark.parametrize(
    "data",
    [b"", b"\x0a", b"\x0a\x05ab", b"\xff" * 11, b"\x0b", bytes(GET_RESPONSE[:40]), b"\x0a\x03\x0a\x01\xff"],
)
def test_an_invalid_response_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        pod_resources.get_response(data)


@given(st.binary())
def test_garbage_raises_nothing_but_decode_errors(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        pod_resources.get_response(data)
    with contextlib.suppress(DecodeError):
        pod_resources.list_response(data, "lab", "web")
