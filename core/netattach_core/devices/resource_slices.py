"""What drivers tell of the devices of claims: attributes in ResourceSlices, which give a device to a network's resourceName.

Multus reads the same attributes since its 4.3.1; there it looks each claim up as well, which the kubelet has told us already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from netattach_core.devices.pod_resources import Allocated

DEVICE_ID = "k8s.cni.cncf.io/deviceID"
RESOURCE_NAME = "k8s.cni.cncf.io/resourceName"


def devices(
    slices: Iterable[Mapping[str, Any]], allocated: Sequence[Allocated]
) -> dict[str, tuple[str, ...]]:
    """The ids of the allocated devices, by resource, in their order; of those alone that are told of for CNI."""
    told = {
        Allocated(spec["driver"], spec["pool"]["name"], device["name"]): device.get("attributes") or {}
        for spec in (each["spec"] for each in slices)
        for device in spec.get("devices") or ()
    }
    found: dict[str, tuple[str, ...]] = {}
    for each in allocated:
        resource, device = (_text(told.get(each, {}), name) for name in (RESOURCE_NAME, DEVICE_ID))
        if resource and device:
            found[resource] = (*found.get(resource, ()), device)
    return found


def _text(attributes: Mapping[str, Any], name: str) -> str:
    """An attribute is one of several kinds; both of these are texts."""
    return str((attributes.get(name) or {}).get("string") or "")
