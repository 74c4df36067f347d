"""A failure as the runtime reads it: the error object on standard output (cni-spec section 3.1)."""

from __future__ import annotations

import json

from netattach_core.errors import NetattachError

_TAKEN_FOR_SUCCESS = {
    "not found": "missing",
    "no such file or directory": "no such path",
    "Not Found": "missing",
}


def to_json(error: NetattachError, cni_version: str) -> bytes:
    """The error object."""
    body = {"cniVersion": cni_version, "code": error.code, "msg": error.message}
    if error.details:
        body["details"] = error.details
    return json.dumps(body).encode()


def for_delete(text: str) -> str:
    """The text without the words that containerd takes for success on DEL, after which it drops the attachment."""
    for words, others in _TAKEN_FOR_SUCCESS.items():
        text = text.replace(words, others)
    return text
