"""AdmissionReview v1: what an API server asks, and what it is answered, as JSON.

What comes in is read strictly: it was written by a program, and whatever else arrives at this port is not worth a guess.
"""

from __future__ import annotations

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
_TOO_DEEP = "the body has too many objects and lists inside each other"
_MOST_LEVELS = 100
"""Objects and lists inside each other; of what Kubernetes stores, nothing that is validated here has twenty."""


@dataclass(frozen=True, slots=True)
class Review:
    """One question.

    `object` is what would be stored, `old` what an UPDATE or DELETE finds; `name` is "" where the server makes one; `user` is
    who asks.
    """

    uid: str
    operation: str
    kind: str
    namespace: str
    name: str
    object: Body | None
    old: Body | None
    user: str = ""

    @property
    def about(self) -> str:
        """The object as people name it."""
        metadata = (self.object or self.old or {}).get("metadata")
        prefix = metadata.get("generateName") if isinstance(metadata, dict) else None
        name = self.name or (f"{prefix}…" if prefix else "without a name")
        return f"{self.kind} {f'{self.namespace}/{name}' if self.namespace else name}"


def decode(body: bytes) -> Review:
    """Raises DecodeError, which says what is wrong."""
    review = _json(body)
    if not isinstance(review, dict) or review.get("kind") != KIND:
        raise DecodeError(f"the body is no {KIND}")
    if review.get("apiVersion") != API_VERSION:
        raise DecodeError(
            f"apiVersion is {_quoted(review.get('apiVersion'))}; only {API_VERSION} is spoken here"
        )
    request = _member(review, "request", dict)
    if not request:
        raise DecodeError("request is missing")
    return _review(request)


def _review(request: Mapping[str, Any]) -> Review:
    uid, operation = _member(request, "uid", str), _member(request, "operation", str)
    found, old = _member(request, "object", dict), _member(request, "oldObject", dict)
    if not uid:
        raise DecodeError("request.uid is missing")
    if operation not in _OPERATIONS:
        raise DecodeError(
            f"request.operation is {_quoted(operation)}, which is none of {', '.join(sorted(_OPERATIONS))}"
        )
    if operation in _WITH_OBJECT and found is None:
        raise DecodeError(f"request.object is missing in a {operation}")
    if operation == "UPDATE" and old is None:
        raise DecodeError("request.oldObject is missing in an UPDATE")
    return Review(
        uid=uid,
        operation=operation,
        kind=str((_member(request, "kind", dict) or {}).get("kind") or "object"),
        namespace=_member(request, "namespace", str) or "",
        name=_member(request, "name", str) or "",
        object=found,
        old=old,
        user=str((_member(request, "userInfo", dict) or {}).get("username") or ""),
    )


def encode(uid: str, *, allowed: bool, message: str = "", warnings: Sequence[str] = ()) -> bytes:
    """The answer to the review of this uid; `message` is why it is refused."""
    response: Body = {"uid": uid, "allowed": allowed}
    if not allowed:
        response["status"] = {"code": 403, "reason": "Forbidden", "message": message}
    if warnings:
        response["warnings"] = list(warnings)
    return json.dumps({"apiVersion": API_VERSION, "kind": KIND, "response": response}).encode()


def _json(body: bytes) -> Any:
    try:
        read = _JSON.decode(body.decode())
    except UnicodeDecodeError as error:
        raise DecodeError(f"the body is not UTF-8: byte {error.start}") from error
    except ValueError as error:
        raise DecodeError(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise DecodeError(_TOO_DEEP) from error
    if body.count(b"{") + body.count(b"[") > _MOST_LEVELS and _is_deep(read):
        raise DecodeError(_TOO_DEEP)
    return read


def _is_deep(value: Any) -> bool:
    """What can just be read may be too deep to be compared or printed, in another thread and on another day."""
    level = [value] if isinstance(value, _NESTED) else []
    for _ in range(_MOST_LEVELS):
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


def _each_key_once(pairs: Sequence[tuple[str, Any]]) -> Body:
    body = dict(pairs)
    if len(body) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise ValueError(f"the key {twice[:100]!r} stands twice in one object")
    return body


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


_JSON = json.JSONDecoder(object_pairs_hook=_each_key_once, parse_constant=_refuse)


def _member(body: Mapping[str, Any], key: str, kind: type) -> Any:
    value = body.get(key)
    if value is not None and not isinstance(value, kind):
        raise DecodeError(f"{key} is no {'object' if kind is dict else 'text'}")
    return value
