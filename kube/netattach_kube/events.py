"""Events: what `kubectl describe` shows under an object."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from netattach_core.api.objects import Body
from netattach_kube.api import Api
from netattach_kube.resource import EVENTS, Resource

NORMAL, WARNING = "Normal", "Warning"

LONGEST = 1024
"""Bytes of a message; the API server refuses more."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The object that an event is about."""

    resource: Resource
    name: str
    namespace: str = ""
    uid: str = ""


async def post(  # noqa: PLR0913  # the parts of an Event
    api: Api,
    subject: Subject,
    *,
    kind: str,
    reason: str,
    message: str,
    source: Mapping[str, str],
    name: str = "",
    annotations: Mapping[str, str] | None = None,
    happened: int | None = None,
) -> None:
    """Creates an Event; `kind` is NORMAL or WARNING, `reason` one CamelCase word, `source` {component, host}.

    With a `name` it is written once: raises ConflictError where it exists. `happened` is in nanoseconds since 1970.
    """
    body = event(subject, kind=kind, reason=reason, message=message, source=source, happened=happened)
    if name:
        body["metadata"]["name"] = name
    if annotations:
        body["metadata"]["annotations"] = dict(annotations)
    await api.create(EVENTS, body, body["metadata"]["namespace"])


def event(
    subject: Subject,
    *,
    kind: str,
    reason: str,
    message: str,
    source: Mapping[str, str],
    happened: int | None = None,
) -> Body:
    """The body of an Event; for a cluster-scoped object it is in `default`, as Kubernetes' own are."""
    namespace = subject.namespace or "default"
    at = time.time_ns() if happened is None else happened
    now = datetime.fromtimestamp(at / 1e9, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    name = f"{subject.name[:200]}.{at:016x}"  # lists are sorted by name: in the order of time
    return {
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": subject.resource.api_version,
            "kind": subject.resource.kind,
            "name": subject.name,
            "namespace": subject.namespace,
            "uid": subject.uid,
        },
        "type": kind,
        "reason": reason,
        "message": _cut(message),
        "source": dict(source),
        "reportingComponent": source.get("component", ""),
        "reportingInstance": source.get("host", ""),
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _cut(message: str) -> str:
    encoded = message.encode(errors="replace")  # JSON of a plugin may have half a surrogate pair
    if len(encoded) <= LONGEST:
        return encoded.decode()
    return encoded[: LONGEST - 3].decode(errors="ignore") + "…"
