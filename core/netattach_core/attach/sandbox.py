"""The ledger's entry of one sandbox: written before anything is touched, and read at DEL instead of the current NAD.

One file per sandbox: records of JSON, one line each, in camelCase, of which the last one counts. `version` is that of
the format.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Attachment
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DecodeError, LaterReleaseError
from netattach_core.text import json_document

VERSION = 1
"""Only a format that an earlier release cannot read has another one. New keys are optional, and earlier releases ignore them."""

_NEXT_RECORD = "\n{"


class Phase(enum.StrEnum):
    """The state of a sandbox. After a crash, `adding` is undone and `deleting` is finished."""

    ADDING = "adding"
    ADDED = "added"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox and its attachments, the default network first. `netns` is the runtime's path.

    `status` is the text of network-status, written or to be written; "" without one. `netns_id` identifies the namespace that
    was at that path, "" if it is not known.
    """

    container_id: str
    netns: str
    pod: PodRef | None
    phase: Phase
    attachments: tuple[Attachment, ...]
    status: str = ""
    netns_id: str = ""


def delete_call(sandbox: Sandbox) -> CniRequest:
    """The runtime's DEL of the sandbox, for one that no runtime calls."""
    default = sandbox.attachments[0]
    return CniRequest(
        command="DEL",
        container_id=sandbox.container_id,
        netns=sandbox.netns,
        ifname=default.ifname,
        args=default.args,
        cni_version=default.config.cni_version,
    )


def dump(sandbox: Sandbox) -> bytes:
    """The bytes of a file with one record."""
    pod = sandbox.pod
    body = {
        "version": VERSION,
        "containerID": sandbox.container_id,
        "netns": sandbox.netns,
        "netnsID": sandbox.netns_id,
        "pod": pod and {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
        "phase": sandbox.phase,
        "status": sandbox.status,
        "attachments": [_attachment_body(each) for each in sandbox.attachments],
    }
    return json.dumps(body).encode()  # with an indent, json is 20 times slower: its encoder in C knows none


def dump_appended(sandbox: Sandbox) -> bytes:
    """The bytes of one record more, on a line of its own whatever is before it."""
    return b"\n" + dump(sandbox)


def is_appended(data: bytes) -> bool:
    """Whether the bytes of a file have more than one record."""
    return _NEXT_RECORD.encode() in data


def parse(data: bytes) -> Sandbox:
    """Reads a file's last record. Raises DecodeError and LaterReleaseError, which have to be reported and never ignored."""
    try:
        body = _last_record(data.decode())
        _check_version(body["version"])
        pod = body["pod"]
        if not body["attachments"]:
            raise DecodeError("a ledger entry without attachments")
        return Sandbox(
            container_id=body["containerID"],
            netns=body["netns"],
            pod=pod and PodRef(pod["namespace"], pod["name"], pod["uid"]),
            phase=Phase(body["phase"]),
            attachments=tuple(_attachment(each) for each in body["attachments"]),
            status=str(body.get("status", "")),  # entries of earlier releases have none
            netns_id=str(body.get("netnsID", "")),
        )
    except (KeyError, TypeError, ValueError) as error:  # JsonTextError and UnicodeDecodeError are ValueErrors
        raise DecodeError(f"not a ledger entry: {error}") from error


def _check_version(version: Any) -> None:
    if type(version) is int and version > VERSION:
        raise LaterReleaseError(
            f"the ledger's entry has format {version}, which a later release of netattach wrote, and this one reads "
            f"{VERSION}; install that release again. Until then nothing of this sandbox is changed"
        )
    if version != VERSION:
        raise DecodeError(f"a ledger entry of version {version!r}; this program reads {VERSION}")


def _last_record(text: str) -> Any:
    """One that is cut off is an error: the pod may run, so what is before it, an ADD that has not ended, must not count.

    Entries of releases without appended records have line breaks too, but none before a brace that is not indented.
    """
    before, _, last = text.rpartition(_NEXT_RECORD)
    return json_document.value("{" + last if before else text)


_KEYS = {
    "network": "network",
    "ifname": "interface",
    "config_text": "config",
    "config_name": "configName",
    "default": "default",
    "args": "args",
    "runtime_config": "runtimeConfig",
    "cni_args": "cniArgs",
    "result": "result",
}
_DEFAULT_ROUTE, _RESOURCE, _NATIVE = "defaultRoute", "resource", "native"
"""Optional."""


def _attachment_body(attachment: Attachment) -> dict[str, Any]:
    body = {key: getattr(attachment, name) for name, key in _KEYS.items()}
    if attachment.default_route is not None:
        body[_DEFAULT_ROUTE] = list(attachment.default_route)
    if attachment.native:
        body[_NATIVE] = list(attachment.native)
    return body


def _attachment(body: Mapping[str, Any]) -> Attachment:
    values = {name: body[key] for name, key in _KEYS.items()}
    for name, value in values.items():
        wanted = (
            bool if name == "default" else dict if name in {"args", "runtime_config", "cni_args"} else str
        )
        if type(value) is not wanted:
            raise TypeError(f"{_KEYS[name]} is not a {wanted.__name__}")
    return Attachment(
        **values,
        default_route=_default_route(body.get(_DEFAULT_ROUTE)),
        resource=str(body.get(_RESOURCE, "")),
        native=_native(body.get(_NATIVE, [])),
    )


def _default_route(gateways: Any) -> tuple[str, ...] | None:
    if gateways is None:
        return None
    if not isinstance(gateways, list) or not all(isinstance(gateway, str) for gateway in gateways):
        raise TypeError(f"{_DEFAULT_ROUTE} is not a list of strings")
    return tuple(gateways)


def _native(indices: Any) -> tuple[int, ...]:
    if not isinstance(indices, list) or not all(type(index) is int for index in indices):
        raise TypeError(f"{_NATIVE} is not a list of numbers")
    return tuple(indices)
