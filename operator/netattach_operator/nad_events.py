"""Events of NADs, one after the other: a change of a node concerns hundreds of NADs, whose statuses do not wait for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from netattach_core.api.objects import Body
from netattach_core.errors import NetattachError
from netattach_core.policy import permission
from netattach_core.readiness import nad_nodes
from netattach_core.validation import nad_status
from netattach_core.validation.nad_status import Verdict
from netattach_kube import events
from netattach_kube.api import Api
from netattach_kube.events import Subject
from netattach_kube.resource import NADS

_log = logging.getLogger(__name__)

_SOURCE = {"component": "netattach-operator"}

_LONGEST_QUEUE = 2000
"""Events that wait; what does not fit is dropped, and stands in the status all the same."""

_REASONS = {
    nad_status.VALID: ("Invalid", "Valid"),
    permission.PERMITTED: ("NotPermitted", "Permitted"),
    nad_nodes.READY: ("NetworkNotReady", "NetworkReady"),
}
"""By condition: the reason where it does not hold, and where it holds again."""


class _Event(NamedTuple):
    subject: Subject
    kind: str
    reason: str
    message: str


class NadEvents:
    """`report` queues what `run` writes, in order and once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._queue: asyncio.Queue[_Event] = asyncio.Queue(_LONGEST_QUEUE)

    def report(self, body: Body, verdict: Verdict, before: Mapping[str, Any]) -> None:
        """Where a condition ceases to hold, or holds again, and where a level that only warns begins to find something."""
        warned = verdict.reason == permission.WARNINGS != before.get("reason")
        if verdict.holds in (None, before.get("status") != "False") and not warned:
            return
        metadata = body["metadata"]
        subject = Subject(NADS, metadata["name"], metadata["namespace"], metadata["uid"])
        kind = events.NORMAL if verdict.holds and not warned else events.WARNING
        reason = verdict.reason if warned else _REASONS[verdict.type][bool(verdict.holds)]
        if self._queue.full():
            _log.info("the Event %s on NAD %s/%s is dropped", reason, subject.namespace, subject.name)
        else:
            self._queue.put_nowait(_Event(subject, kind, reason, verdict.message))

    async def run(self) -> None:
        """Never returns."""
        while True:
            event = await self._queue.get()
            try:
                await self._post(event)
            finally:
                self._queue.task_done()

    async def written(self) -> None:
        """Returns once all that has been reported is written, or refused."""
        await self._queue.join()

    async def _post(self, event: _Event) -> None:
        subject = event.subject
        try:
            await events.post(
                self._api,
                subject,
                kind=event.kind,
                reason=event.reason,
                message=event.message,
                source=_SOURCE,
            )
        except NetattachError as error:
            _log.info("the Event on NAD %s/%s is not written: %s", subject.namespace, subject.name, error)
        except Exception:  # noqa: BLE001  # no Event ends the operator
            _log.exception("internal error: no Event on NAD %s/%s", subject.namespace, subject.name)
