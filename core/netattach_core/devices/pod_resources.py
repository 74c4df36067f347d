"""Requests and responses of the kubelet's pod-resources API (kubelet/pkg/apis/podresources/v1/api.proto).

Only a few fields of its messages are needed, so they are decoded by hand, without generated code and a library for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netattach_core.errors import DecodeError

GET, LIST = "/v1.PodResourcesLister/Get", "/v1.PodResourcesLister/List"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10


@dataclass(frozen=True, slots=True, order=True)
class Allocated:
    """A device of a claim, as named in ResourceSlices; part of the response since Kubernetes 1.34."""

    driver: str
    pool: str
    device: str


@dataclass(frozen=True, slots=True)
class PodDevices:
    """The devices of one pod.

    `devices` by resource; `claimed` by claim, the last part of each CDI name (vendor.com/nic=THIS); `allocated` of all claims.
    In the order of the pod's containers, sorted for each: the kubelet's order changes with each of its restarts.
    """

    namespace: str
    name: str
    devices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    claimed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    allocated: list[Allocated] = field(default_factory=list)


def get_request(namespace: str, name: str) -> bytes:
    """GetPodResourcesRequest."""
    return _text(1, name) + _text(2, namespace)


def list_request() -> bytes:
    """ListPodResourcesRequest, which has no fields."""
    return b""


def get_response(data: bytes) -> PodDevices:
    """The pod of a GetPodResourcesResponse. Raises DecodeError."""
    for number, value in _fields(data):
        if number == 1:
            return _pod(value)
    raise DecodeError("the kubelet's answer contains no pod")


def list_response(data: bytes, namespace: str, name: str) -> PodDevices:
    """One pod of a ListPodResourcesResponse, which has all pods of the node; without devices if it is missing."""
    for pod in _all(data, 1):
        if (_last_text(pod, 2), _last_text(pod, 1)) == (namespace, name):
            return _pod(pod)
    return PodDevices(namespace, name)


def pods_in_list(data: bytes) -> list[PodDevices]:
    """All pods of a ListPodResourcesResponse. Raises DecodeError."""
    return [_pod(pod) for pod in _all(data, 1)]


def _pod(data: bytes) -> PodDevices:
    pod = PodDevices(_last_text(data, 2), _last_text(data, 1))
    for container in _all(data, 3):
        devices = [(_last_text(each, 1), _all(each, 2)) for each in _all(container, 2)]
        _add(pod.devices, [(name, _decoded(each)) for name, ids in devices for each in ids])
        claims = [(_last_text(each, 2), _cdi_devices(each)) for each in _all(container, 5)]
        _add(pod.claimed, [(name, each) for name, names in claims for each in names])
        held = {each for claim in _all(container, 5) for each in _allocated(claim)}
        pod.allocated.extend(sorted(held - set(pod.allocated)))
    return pod


def _add(found: dict[str, tuple[str, ...]], devices: Iterable[tuple[str, str]]) -> None:
    """Adds one container's devices. A claim that containers share is listed for each of them, and its devices count once."""
    for name, device in sorted(devices):
        known = found.get(name, ())
        found[name] = known if device in known else (*known, device)


def _allocated(claim: bytes) -> Iterator[Allocated]:
    for resource in _all(claim, 4):
        device = Allocated(_last_text(resource, 2), _last_text(resource, 3), _last_text(resource, 4))
        if device.device:
            yield device


def _cdi_devices(claim: bytes) -> Iterator[str]:
    for resource in _all(claim, 4):
        for device in _all(resource, 1):
            kind, equals, name = _last_text(device, 1).partition("=")
            if kind and equals and name:
                yield name


def _all(data: bytes, wanted: int) -> list[bytes]:
    return [value for number, value in _fields(data) if number == wanted]


def _last_text(data: bytes, wanted: int) -> str:
    values = _all(data, wanted)
    return _decoded(values[-1]) if values else ""


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise DecodeError(f"the kubelet's answer contains invalid UTF-8: {error}") from error


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the bytes of each length-delimited field; skips numbers, of which none is needed."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
            continue
        size, at = _varint(data, at) if kind == _BYTES else (_FIXED.get(kind, -1), at)
        if size < 0 or at + size > len(data):
            raise DecodeError("the kubelet's answer is truncated, or not a protobuf message")
        if kind == _BYTES:
            yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number and its end."""
    value = 0
    for shift, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    raise DecodeError("the kubelet's answer is truncated, or not a protobuf message")


def _text(number: int, text: str) -> bytes:
    data = text.encode()
    return bytes([number << 3 | _BYTES]) + _number(len(data)) + data


def _number(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _number(rest) if rest else bytes([low])
