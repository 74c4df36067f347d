"""The device-info specification, 1.1.0: the files by which device plugins and CNI plugins tell what stands behind an interface.

A device plugin writes `dp/<resource>-<device>-device.json`; for each attachment it is copied to a file of its own in `cni`, which
a plugin may also write itself. What that file holds becomes `device-info` in network-status.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from netattach_core.attach.attachment import Attachment
from netattach_core.errors import DecodeError
from netattach_core.text import json_document

CAPABILITY = "CNIDeviceInfoFile"
LONGEST = 64 * 1024
"""Bytes; it goes into an annotation."""


PREFIX = "netattach-"
"""Of the names of our files, so that no other one is ever swept away: Multus' own of pods that still run, for one."""


def with_file(attachment: Attachment, directory: str, container_id: str) -> Attachment:
    """The attachment with its file's path, where it has a device or a plugin that tells of one (D1, D5)."""
    if CAPABILITY not in attachment.conf.capabilities and "deviceID" not in attachment.runtime_config:
        return attachment
    name = f"{PREFIX}{attachment.network}-{container_id}_{attachment.ifname}".replace("/", "-")
    told = {**attachment.runtime_config, CAPABILITY: f"{directory}/cni/{name}"}
    return dataclasses.replace(attachment, runtime_config=told)


def file_of(attachment: Attachment) -> str:
    """The path of its file, "" where it has none. The ledger keeps it, so that DEL finds it."""
    path = attachment.runtime_config.get(CAPABILITY)
    return path if isinstance(path, str) else ""


def is_stale(name: str, container_ids: Collection[str]) -> bool:
    """Whether a file of this name is ours and belongs to none of these sandboxes."""
    return name.startswith(PREFIX) and not any(f"-{each}_" in name for each in container_ids)


def device_plugins_file(attachment: Attachment, directory: str) -> str:
    """The path of what the device plugin tells of its device, "" where it has none of a device plugin (D2)."""
    if not attachment.resource:
        return ""
    resource, device = (
        text.replace("/", "-")
        for text in (attachment.resource, str(attachment.runtime_config.get("deviceID", "")))
    )
    return f"{directory}/dp/{resource}-{device}-device.json"


def parse(data: bytes) -> Mapping[str, Any]:
    """What network-status says of the device. Raises DecodeError."""
    if len(data) > LONGEST:
        raise DecodeError(f"it has more than {LONGEST} bytes")
    try:
        body = json_document.value(data.decode())
    except ValueError as error:
        raise DecodeError(f"it is no JSON: {error}") from error
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise DecodeError("it is no object with a type")
    return body
