"""Events of NADs, after their statuses: a change of a node concerns hundreds of NADs, and the API server writes either.

Each is written once nothing has been reported for a moment, one after the other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from netattach_core.api.objects import Body
from netattach_core.errors import ConflictError, NetattachError, TryAgainError
from netattach_core.policy import permission
from netattach_core.readiness import nad_nodes
from netattach_core.validation import nad_status
from netattach_core.validation.nad_status import Verdict
from netattach_kube import events
from netattach_kube.api import Api
from netattach_kube.events import Subject
from netattach_kube.failures import ForbiddenError
from netattach_kube.resource import NADS

_log = logging.getLogger(__name__)

_SOURCE = {"component": "netattach-operator"}

_LONGEST_QUEUE = 2000
"""Events that wait; what does not fit is dropped, and stands in the status all the same."""

_QUIET = 0.5
"""Seconds without a status that is reported, after which Events are written."""

_LATEST = 30.0
"""Seconds after the first one that waits, from which on they are written all the same."""

_LOOK = 0.1
"""Seconds between two looks whether they are to be written."""

_PAUSE = 1.0
"""Seconds after a failure of the API server."""

_REASONS = {
    nad_status.VALID: ("Invalid", "Valid"),
    permission.PERMITTED: ("NotPermitted", "Permitted"),
    nad_nodes.READY: ("NetworkNotReady", "NetworkReady"),
}
"""By condition: the reason where it does not hold, and where it holds again."""

_Key = tuple[Subject, str]
"""A NAD and a type of its conditions."""


class _Event(NamedTuple):
    """`happened`, in nanoseconds since 1970, gives its name: a retry after a response that was lost writes no second one."""

    happened: int
    kind: str
    reason: str
    message: str
    is_retry: bool = False


class NadEvents:
    """`report` queues what `run` writes, in order and once; the newest of a condition replaces one that waits."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._waiting: dict[_Key, _Event] = {}
        self._has_work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._has_dropped = False
        self._first = self._last = 0.0
        """When the first one that waits was reported, and the last one, by the monotonic clock."""

    def report(self, body: Body, verdict: Verdict, before: Mapping[str, Any]) -> None:
        """Where a condition ceases to hold, or holds again, and where a level that only warns begins to find something."""
        warned = verdict.reason == permission.WARNINGS != before.get("reason")
        if verdict.holds in (None, before.get("status") != "False") and not warned:
            return
        metadata = body["metadata"]
        subject = Subject(NADS, metadata["name"], metadata["namespace"], metadata["uid"])
        kind = events.NORMAL if verdict.holds and not warned else events.WARNING
        reason = verdict.reason if warned else _REASONS[verdict.type][bool(verdict.holds)]
        self._put((subject, verdict.type), _Event(time.time_ns(), kind, reason, verdict.message))

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self._has_work.wait()
            while self._waiting:
                await self._statuses_are_written()
                key = next(iter(self._waiting))
                await self._post(key, self._waiting.pop(key))
            self._has_work.clear()
            self._has_dropped = False
            self._is_idle.set()

    async def _statuses_are_written(self) -> None:
        """Or there are so many that Events would be dropped, or old."""
        while (  # noqa: ASYNC110  # it also depends on the time
            time.monotonic() - self._last < _QUIET
            and time.monotonic() - self._first < _LATEST
            and len(self._waiting) <= _LONGEST_QUEUE // 2
        ):
            await asyncio.sleep(_LOOK)

    async def written(self) -> None:
        """Returns once all that has been reported is written, refused, or replaced."""
        await self._is_idle.wait()

    def _put(self, key: _Key, event: _Event) -> None:
        """In the place of the one that it replaces: a condition that changes all the time waits no longer than others."""
        self._last = time.monotonic()
        if not self._waiting:
            self._first = self._last
        if key in self._waiting or len(self._waiting) < _LONGEST_QUEUE:
            self._waiting[key] = event
            self._has_work.set()
            self._is_idle.clear()
        elif not self._has_dropped:
            self._has_dropped = True
            _log.warning("Events of NADs are dropped: %d wait; the statuses have all", _LONGEST_QUEUE)

    async def _post(self, key: _Key, event: _Event) -> None:
        subject, _ = key
        try:
            await self._write(subject, event)
        except TryAgainError as error:
            if event.is_retry or isinstance(error, ForbiddenError):  # as by a quota of the namespace
                _log_refusal(subject, error)
            else:
                await self._retry_later(key, event)
        except NetattachError as error:
            _log_refusal(subject, error)
        except Exception:  # noqa: BLE001  # no Event ends the operator
            _log.exception("internal error: no Event on NAD %s/%s", subject.namespace, subject.name)

    async def _retry_later(self, key: _Key, event: _Event) -> None:
        """After all that wait, once, and unless there is a newer one by then."""
        await asyncio.sleep(_PAUSE)
        self._waiting.setdefault(key, event._replace(is_retry=True))

    async def _write(self, subject: Subject, event: _Event) -> None:
        try:
            await events.post(
                self._api,
                subject,
                kind=event.kind,
                reason=event.reason,
                message=event.message,
                source=_SOURCE,
                happened=event.happened,
            )
        except ConflictError:
            if not event.is_retry:
                raise


def _log_refusal(subject: Subject, error: NetattachError) -> None:
    _log.info("the Event on NAD %s/%s is not written: %s", subject.namespace, subject.name, error)
