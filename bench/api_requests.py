"""Requests to the API server by caller, verb and resource, counted in its audit log."""

from __future__ import annotations

import collections
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

WRITES = ("create", "update", "patch", "delete", "deletecollection")

PERIODIC = ("leases", "nodes", "nodes/status")
"""Requests for these come every few seconds, whatever pods do."""


class ApiRequests:
    """Counts what was logged since its creation, or since the last call of `counted`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = log.stat().st_size
        self._file = log.stat().st_ino

    @property
    def is_complete(self) -> bool:
        """False once the API server has begun another file, which it does after 100 MB."""
        return self._log.stat().st_ino == self._file

    def counted(self, without: Collection[str] = PERIODIC) -> dict[str, dict[str, int]]:
        """By program, then by "VERB RESOURCE": requests that ended, but for watches and some resources."""
        counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        for event in self._events():
            if event["stage"] == "ResponseComplete" and event["verb"] != "watch":
                about = event.get("objectRef") or {}
                resource = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
                if resource and resource not in without:
                    counts[_program(event)][f"{event['verb']} {resource}"] += 1
        return {program: dict(counts[program].most_common()) for program in sorted(counts)}

    def _events(self) -> Iterator[Mapping[str, Any]]:
        with self._log.open("rb") as log:
            log.seek(self._read)
            for line in log:
                if not line.endswith(b"\n"):
                    break  # it is still being written
                self._read += len(line)
                yield json.loads(line)


def writes(counts: Mapping[str, Mapping[str, int]]) -> int:
    """Of all programs together."""
    return sum(number for by in counts.values() for what, number in by.items() if what.startswith(WRITES))


def _program(event: Mapping[str, Any]) -> str:
    """The first word of the user agent; the controllers' own accounts are all one program."""
    return str(event.get("userAgent", "")).partition("/")[0] or "unknown"
