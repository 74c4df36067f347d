"""The device-info specification, 1.1.0: files in which device plugins and CNI plugins describe the device of an interface.

A device plugin writes `dp/<resource>-<device>-device.json`; each attachment gets a copy in `cni`, which a CNI plugin may also
write itself. The content of that file becomes `device-info` in network-status.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from netattach_core.attach.attachment import Attachment
from netattach_core.errors import DecodeError
from netattach_core.text import json_document

CAPABILITY = "CNIDeviceInfoFile"
MAX_SIZE = 64 * 1024
"""Bytes; the content becomes part of an annotation."""

PREFIX = "netattach-"
"""Of netattach's files, so that no other file is removed, such as Multus' files of running pods."""


def with_file(attachment: Attachment, directory: str, container_id: str) -> Attachment:
    """The attachment with its file's path in runtimeConfig, if it has a device or a plugin with the capability.

    Device-info specification, sections 4.2.1 and 5.1.1.
    """
    if CAPABILITY not in attachment.config.capabilities and "deviceID" not in attachment.runtime_config:
        return attachment
    name = f"{PREFIX}{attachment.network}-{container_id}_{attachment.ifname}".replace("/", "-")
    runtime_config = {**attachment.runtime_config, CAPABILITY: f"{directory}/cni/{name}"}
    return dataclasses.replace(attachment, runtime_config=runtime_config)


def file_of(attachment: Attachment) -> str:
    """The path of its file, "" without one. DEL gets it from the ledger."""
    path = attachment.runtime_config.get(CAPABILITY)
    return path if isinstance(path, str) else ""


def is_stale(name: str, container_ids: Collection[str]) -> bool:
    """Whether a file of this name is netattach's and belongs to none of these sandboxes."""
    return name.startswith(PREFIX) and not any(f"-{each}_" in name for each in container_ids)


def device_plugins_file(attachment: Attachment, directory: str) -> str:
    """The path of the device plugin's file, "" without a device of a device plugin."""
    if not attachment.resource:
        return ""
    resource, device = (
        text.replace("/", "-")
        for text in (attachment.resource, str(attachment.runtime_config.get("deviceID", "")))
    )
    return f"{directory}/dp/{resource}-{device}-device.json"


def parse(data: bytes) -> Mapping[str, Any]:
    """The value of `device-info` in network-status. Raises DecodeError."""
    if len(data) > MAX_SIZE:
        raise DecodeError(f"it has more than {MAX_SIZE} bytes")
    try:
        body = json_document.value(data.decode())
    except ValueError as error:
        raise DecodeError(f"it is not JSON: {error}") from error
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise DecodeError("it is not an object with a type")
    return body
