"""The error object that a plugin prints on standard output (CNI SPEC, section 5, "Error")."""

from __future__ import annotations

import json

from netattach_core.errors import NetattachError

_SUCCESS_PHRASES = {
    "not found": "missing",
    "no such file or directory": "no such path",
    "Not Found": "missing",
}


def to_json(error: NetattachError, cni_version: str) -> bytes:
    """The error object as JSON."""
    body = {"cniVersion": cni_version, "code": error.code, "msg": error.message}
    if error.details:
        body["details"] = error.details
    return json.dumps(body).encode()


def for_delete(text: str) -> str:
    """The text without the phrases that containerd treats as success on DEL, after which it forgets the attachment."""
    for phrase, replacement in _SUCCESS_PHRASES.items():
        text = text.replace(phrase, replacement)
    return text
