"""Attributes in ResourceSlices by which drivers assign the devices of claims to a network's resourceName.

Multus reads the same attributes since 4.3.1; it also reads each claim, which netattach gets from the kubelet.
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
    """The ids of the allocated devices by resource, in order; leaves out devices without these attributes."""
    published = {
        Allocated(spec["driver"], spec["pool"]["name"], device["name"]): device.get("attributes") or {}
        for spec in (each["spec"] for each in slices)
        for device in spec.get("devices") or ()
    }
    found: dict[str, tuple[str, ...]] = {}
    for each in allocated:
        resource, device = (_text(published.get(each, {}), name) for name in (RESOURCE_NAME, DEVICE_ID))
        if resource and device:
            found[resource] = (*found.get(resource, ()), device)
    return found


def _text(attributes: Mapping[str, Any], name: str) -> str:
    """The attribute's string, "" if it is missing or of another type."""
    return str((attributes.get(name) or {}).get("string") or "")
