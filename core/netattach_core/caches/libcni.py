"""libcni's cache of an ADD: the input and the result of its plugins (libcni/api.go: cachedInfo).

A runtime has it in /var/lib/cni/results, Multus in /var/lib/cni/multus/results, one file per attachment. The file's name joins
network, container id and interface with hyphens, which each of them may contain, so only the content identifies the attachment.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netattach_core.attach.attachment import Attachment
from netattach_core.cni import config as cni_config
from netattach_core.cni import result as cni_result
from netattach_core.errors import DecodeError, NetattachError
from netattach_core.text import json_document

KIND = "cniCacheV1"


@dataclass(frozen=True, slots=True)
class Cached:
    """One attachment. `result` is JSON text, "" without a result."""

    container_id: str
    ifname: str
    network: str
    config_text: str
    args: Mapping[str, str]
    runtime_config: Mapping[str, Any]
    result: str

    @property
    def plugin_types(self) -> frozenset[str]:
        return frozenset(each.type for each in cni_config.parse(self.config_text, self.network).plugins)


def parse(data: bytes) -> Cached | None:
    """Reads a file; None for another kind (libcni before 0.8 stored the result alone). Raises DecodeError."""
    body = json_object(data)
    if body.get("kind") != KIND:
        return None
    try:
        result = body.get("result")
        cached = Cached(
            container_id=_text(body["containerId"]),
            ifname=_text(body["ifName"]),
            network=_text(body["networkName"]),
            config_text=decoded(body["config"]),
            args={_text(key): _text(value) for key, value in body.get("cniArgs") or ()},
            runtime_config=dict(body.get("capabilityArgs") or {}),
            result=json.dumps(result) if isinstance(result, dict) else "",
        )
        cni_config.parse(cached.config_text, cached.network)
    except (KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"not a cached CNI result: {error!r}") from error
    except NetattachError as error:
        raise DecodeError(f"its configuration: {error.message}") from error
    return cached


def dump(container_id: str, netns: str, attachment: Attachment) -> bytes:
    """The file of an attachment with its result, as libcni writes it."""
    body = {
        "kind": KIND,
        "containerId": container_id,
        "config": encoded(complete_config(attachment)),
        "ifName": attachment.ifname,
        "networkName": attachment.config.name,
        "netns": netns,
        "cniArgs": [[key, value] for key, value in attachment.args.items()],
        "capabilityArgs": dict(attachment.runtime_config),
        "result": json.loads(attachment.result or "{}"),
    }
    return json.dumps({key: value for key, value in body.items() if value}).encode()


def complete_config(attachment: Attachment) -> str:
    """The configuration with its name and version, which readers of the cache do not add."""
    config = attachment.config
    return json_document.with_members(
        attachment.config_text,
        {"cniVersion": json.dumps(config.cni_version), "name": json.dumps(config.name)},
    )


def file_name(container_id: str, network: str, ifname: str) -> str:
    """The file's name in the directory `results`."""
    return f"{network}-{container_id}-{ifname}"


def attached(
    cached: Cached, *, default: bool, network: str = "", config_text: str = "", config_name: str = ""
) -> Attachment:
    """The cached attachment; the last three arguments replace the cache's own values."""
    text, name = config_text or cached.config_text, config_name or cached.network
    return Attachment(
        network=network or cached.network,
        ifname=cached.ifname,
        config_text=text,
        config_name=name,
        default=default,
        args=cached.args,
        runtime_config=cached.runtime_config,
        result=_converted(cached.result, text, name),
    )


def _converted(result: str, config_text: str, config_name: str) -> str:
    """In the configuration's version, as libcni passes it on; "" for one that cannot be read, which libcni ignores too."""
    if not result:
        return ""
    version = cni_config.parse(config_text, config_name).cni_version
    try:
        read = cni_result.parse(result, version)
        return result if read.cni_version == version else cni_result.dump(read, version)
    except NetattachError:
        return ""


def json_object(data: bytes) -> dict[str, Any]:
    """Raises DecodeError."""
    try:
        body = json_document.value(data.decode())
    except ValueError as error:  # JsonTextError and UnicodeDecodeError
        raise DecodeError(f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise DecodeError("not a JSON object")
    return body


def decoded(value: Any) -> str:
    """Go's []byte, base64 in JSON. Raises ValueError, TypeError."""
    try:
        return base64.b64decode(_text(value), validate=True).decode()
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def encoded(text: str) -> str:
    """Encodes a text like Go's []byte."""
    return base64.b64encode(text.encode()).decode()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value
