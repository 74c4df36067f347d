"""What the ledger keeps of one sandbox: written before anything is touched, read at DEL instead of the live NAD.

A file per sandbox, JSON, camelCase; `version` tells the form, so that a later program can read an earlier one's.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netattach_core import json_text
from netattach_core.attachment import Attachment
from netattach_core.errors import DecodeError
from netattach_core.pod import PodRef

VERSION = 1


class Phase(enum.StrEnum):
    """How far a sandbox has come. `adding` found after a crash is undone, `deleting` is finished."""

    ADDING = "adding"
    ADDED = "added"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox and its attachments, the default network first. `netns` is the path that the runtime gave."""

    container_id: str
    netns: str
    pod: PodRef | None
    phase: Phase
    attachments: tuple[Attachment, ...]


def dump(sandbox: Sandbox) -> bytes:
    """The file's bytes."""
    pod = sandbox.pod
    body = {
        "version": VERSION,
        "containerID": sandbox.container_id,
        "netns": sandbox.netns,
        "pod": pod and {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
        "phase": sandbox.phase,
        "attachments": [_attachment_body(each) for each in sandbox.attachments],
    }
    return json.dumps(body, indent=1).encode()


def parse(data: bytes) -> Sandbox:
    """Reads a file's bytes. Raises DecodeError: such a file must be reported, never passed over."""
    try:
        body = json_text.value(data.decode())
        if body["version"] != VERSION:
            raise DecodeError(f"a ledger entry of version {body['version']!r}; this program reads {VERSION}")
        pod = body["pod"]
        return Sandbox(
            container_id=body["containerID"],
            netns=body["netns"],
            pod=pod and PodRef(pod["namespace"], pod["name"], pod["uid"]),
            phase=Phase(body["phase"]),
            attachments=tuple(_attachment(each) for each in body["attachments"]),
        )
    except (KeyError, TypeError, ValueError) as error:  # JsonTextError and UnicodeDecodeError are ValueErrors
        raise DecodeError(f"not a ledger entry: {error}") from error


_KEYS = {
    "network": "network",
    "ifname": "interface",
    "conf_text": "config",
    "conf_name": "configName",
    "default": "default",
    "args": "args",
    "runtime_config": "runtimeConfig",
    "cni_args": "cniArgs",
    "result": "result",
}


def _attachment_body(attachment: Attachment) -> dict[str, Any]:
    return {key: getattr(attachment, name) for name, key in _KEYS.items()}


def _attachment(body: Mapping[str, Any]) -> Attachment:
    values = {name: body[key] for name, key in _KEYS.items()}
    expected = {field.name: type(values[field.name]) for field in dataclasses.fields(Attachment)}
    for name, kind in expected.items():
        wanted = (
            bool if name == "default" else dict if name in {"args", "runtime_config", "cni_args"} else str
        )
        if kind is not wanted:
            raise TypeError(f"{_KEYS[name]} is no {wanted.__name__}")
    return Attachment(**values)
