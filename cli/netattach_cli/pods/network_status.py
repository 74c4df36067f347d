"""Reads `k8s.v1.cni.cncf.io/network-status`. Its author may be anybody who may change pods, so it may be any text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from netattach_cli.ask import bodies

LONGEST = 256 * 1024
"""Characters: what the API server allows all annotations of an object together."""

MOST = 400
"""Networks, as many as an annotation can ask for."""


@dataclass(frozen=True, slots=True)
class Attached:
    """An interface of a pod. `network` is "namespace/name", or the default network's own name."""

    network: str
    interface: str = ""
    addresses: tuple[str, ...] = ()
    mac: str = ""
    default: bool = False


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """`problem` is why it cannot be read, "" where it can; without an annotation there is nothing."""

    attached: tuple[Attached, ...] = ()
    problem: str = ""


def parse(text: str) -> NetworkStatus:
    """What is in the text, as far as it has the right form."""
    if not text.strip():
        return NetworkStatus()
    if len(text) > LONGEST:
        return NetworkStatus(problem=f"network-status has {len(text)} characters")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        return NetworkStatus(problem="network-status is not JSON")
    if not isinstance(entries, list):
        return NetworkStatus(problem="network-status is no list")
    if len(entries) > MOST:
        return NetworkStatus(problem=f"network-status has {len(entries)} networks")
    return NetworkStatus(tuple(_attached(each) for each in entries if isinstance(each, dict)))


def _attached(entry: Any) -> Attached:
    return Attached(
        bodies.text(entry, "name"),
        bodies.text(entry, "interface"),
        tuple(bodies.texts(entry, "ips")),
        bodies.text(entry, "mac"),
        entry.get("default") is True,
    )
