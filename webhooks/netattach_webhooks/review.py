"""AdmissionReview v1: decodes the requests of API servers, and encodes the responses.

Decoding is strict: API servers send valid reviews, and anything else that arrives at this port is rejected.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from netattach_core.api.objects import Body
from netattach_core.errors import DecodeError

API_VERSION, KIND = "admission.k8s.io/v1", "AdmissionReview"

_OPERATIONS = {"CREATE", "UPDATE", "DELETE", "CONNECT"}
_WITH_OBJECT = {"CREATE", "UPDATE"}

_NESTED = (dict, list)
_TOO_DEEP = "the body has too many nested objects and lists"
_MAX_DEPTH = 100
"""Levels of objects and lists; nothing that is validated here has twenty."""


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """The request of an AdmissionReview.

    `object` is what would be stored, `old_object` what an UPDATE changes or a DELETE removes; `name` is "" where the API server
    generates one; `user` is the name of the user who sent the object.
    """

    uid: str
    operation: str
    kind: str
    namespace: str
    name: str
    object: Body | None
    old_object: Body | None
    user: str = ""

    @property
    def subject(self) -> str:
        """Kind, namespace and name of the object, for messages."""
        metadata = (self.object or self.old_object or {}).get("metadata")
        prefix = metadata.get("generateName") if isinstance(metadata, dict) else None
        name = self.name or (f"{prefix}…" if prefix else "(unnamed)")
        return f"{self.kind} {f'{self.namespace}/{name}' if self.namespace else name}"


def decode(body: bytes) -> AdmissionRequest:
    """Raises DecodeError, which says what is wrong."""
    review = _decode_json(body)
    if not isinstance(review, dict) or review.get("kind") != KIND:
        raise DecodeError(f"the body is not an {KIND}")
    if review.get("apiVersion") != API_VERSION:
        raise DecodeError(
            f"apiVersion is {_quoted(review.get('apiVersion'))}; only {API_VERSION} is supported"
        )
    request = _member(review, "request", dict)
    if not request:
        raise DecodeError("request is missing")
    return _admission_request(request)


def _admission_request(request: Mapping[str, Any]) -> AdmissionRequest:
    uid, operation = _member(request, "uid", str), _member(request, "operation", str)
    new, old = _member(request, "object", dict), _member(request, "oldObject", dict)
    if not uid:
        raise DecodeError("request.uid is missing")
    if operation not in _OPERATIONS:
        raise DecodeError(
            f"request.operation is {_quoted(operation)}, which is not one of {', '.join(sorted(_OPERATIONS))}"
        )
    if operation in _WITH_OBJECT and new is None:
        raise DecodeError(f"request.object is missing in a {operation}")
    if operation == "UPDATE" and old is None:
        raise DecodeError("request.oldObject is missing in an UPDATE")
    return AdmissionRequest(
        uid=uid,
        operation=operation,
        kind=str((_member(request, "kind", dict) or {}).get("kind") or "object"),
        namespace=_member(request, "namespace", str) or "",
        name=_member(request, "name", str) or "",
        object=new,
        old_object=old,
        user=str((_member(request, "userInfo", dict) or {}).get("username") or ""),
    )


def encode(
    uid: str,
    *,
    allowed: bool,
    message: str = "",
    warnings: Sequence[str] = (),
    audit: Mapping[str, str] | None = None,
    patch: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """The response to the request with this uid; `message` is the reason of a denial, `audit` goes into the audit log.

    `patch` has the operations of a JSON Patch, for a mutating webhook.

    The API server puts the name of the webhook in front of the keys of `audit`.
    """
    response: Body = {"uid": uid, "allowed": allowed}
    if not allowed:
        response["status"] = {"code": 403, "reason": "Forbidden", "message": message}
    if warnings:
        response["warnings"] = list(warnings)
    if patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(list(patch)).encode()).decode()
    if audit:
        response["auditAnnotations"] = dict(audit)
    return json.dumps({"apiVersion": API_VERSION, "kind": KIND, "response": response}).encode()


def _decode_json(body: bytes) -> Any:
    try:
        value = _JSON.decode(body.decode())
    except UnicodeDecodeError as error:
        raise DecodeError(f"the body is not UTF-8: byte {error.start}") from error
    except ValueError as error:
        raise DecodeError(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise DecodeError(_TOO_DEEP) from error
    if body.count(b"{") + body.count(b"[") > _MAX_DEPTH and _is_deep(value):
        raise DecodeError(_TOO_DEEP)
    return value


def _is_deep(value: Any) -> bool:
    """Whether a value that could just be decoded may be too deep to compare or to print, in another thread with less stack."""
    level = [value] if isinstance(value, _NESTED) else []
    for _ in range(_MAX_DEPTH):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, _NESTED)
        ]
    return bool(level)


def _quoted(value: Any) -> str:
    return repr(value if value is None else str(value)[:100])


def _object_with_unique_keys(pairs: Sequence[tuple[str, Any]]) -> Body:
    body = dict(pairs)
    if len(body) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        duplicate = next(key for key, count in counts.items() if count > 1)
        raise ValueError(f"the key {duplicate[:100]!r} appears twice in one object")
    return body


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


_JSON = json.JSONDecoder(object_pairs_hook=_object_with_unique_keys, parse_constant=_reject_constant)


def _member(body: Mapping[str, Any], key: str, kind: type) -> Any:
    value = body.get(key)
    if value is not None and not isinstance(value, kind):
        raise DecodeError(f"{key} is not {'an object' if kind is dict else 'a string'}")
    return value
