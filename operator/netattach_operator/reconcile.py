"""One NAD at a time: validated, and its status written where it says something else."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from netattach_core.api.objects import Body, Key
from netattach_core.errors import ConflictError, NetattachError, NotFoundError, TryAgainError
from netattach_core.validation import nad_status
from netattach_core.validation.nad_status import Summary
from netattach_core.validation.validator import validate
from netattach_kube import events
from netattach_kube.api import Api
from netattach_kube.events import Subject
from netattach_kube.resource import NADS
from netattach_operator.keys import Keys
from netattach_operator.metrics import Metrics
from netattach_operator.view import View

_log = logging.getLogger(__name__)

_ONE_WRITE_IN = 5.0
"""Seconds; each write of a NAD goes out to every watcher of NADs, and that is every node."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 300.0
_TOLD_FROM = 4.0
"""Pauses as short as that are nothing to worry about."""

_BREATH = 3.0
"""Times as long as the validator has worked, nobody works: a change of the nodes has every NAD validated again."""

_SOURCE = {"component": "netattach-operator"}


class Reconciler:
    """Level-triggered: what is done depends on what is known now, never on what has happened."""

    def __init__(
        self,
        api: Api,
        view: View,
        keys: Keys,
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._view = view
        self._keys = keys
        self._metrics = metrics
        self._now = now
        self._verdicts: dict[Key, tuple[Any, Summary]] = {}
        self._pauses: dict[Key, float] = {}
        self._validated = 0.0
        metrics.nads.labels("true").set_function(lambda: self._count(valid=True))
        metrics.nads.labels("false").set_function(lambda: self._count(valid=False))

    async def run(self) -> None:
        """Never returns."""
        while True:
            key = await self._keys.take()
            self._validated = 0.0
            await self._tried(key)
            await asyncio.sleep(_BREATH * self._validated)

    async def reconcile(self, key: Key) -> None:
        """Raises NetattachError where it has to be tried again."""
        body = self._view.nads.get(key)
        if body is None:
            self._forget(key)
            return
        before, found = body["status"], await self._verdict(key, body)
        after = nad_status.status(
            found,
            before,
            generation=body["metadata"].get("generation") or 0,
            pods=self._view.pods.count(key) if self._view.pods_known else None,
            now=self._now().isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        changes = nad_status.changes(before, after)
        if changes and "deletionTimestamp" not in body["metadata"]:
            await self._write(key, body, changes)
            await self._tell(body, found, nad_status.condition(before).get("status"))

    async def _tried(self, key: Key) -> None:
        """One NAD, whatever is wrong with it, must not end the operator or keep the others waiting."""
        try:
            with self._metrics.reconcile.time():
                await self.reconcile(key)
        except NetattachError as error:
            level = logging.INFO if self._try_again(key) < _TOLD_FROM else logging.WARNING
            _log.log(level, "the status of NAD %s is not written yet: %s", "/".join(key), error)
        except Exception:  # noqa: BLE001  # as the text says
            self._try_again(key)
            _log.exception("a defect in netattach: the status of NAD %s", "/".join(key))
        else:
            self._pauses.pop(key, None)

    def _try_again(self, key: Key) -> float:
        """In how many seconds."""
        self._metrics.failures.inc()
        pause = self._pauses.get(key, _FIRST_PAUSE)
        self._pauses[key] = min(2 * pause, _LONGEST_PAUSE)
        self._keys.add(key, pause)
        return pause

    async def _verdict(self, key: Key, body: Body) -> Summary:
        """Validates again only where an input of the validator has changed; in a thread, so that the Lease is renewed."""
        nodes, settings = self._view.nodes, self._view.settings
        seen = (body["spec"], body["metadata"]["annotations"], self._view.nodes_version, settings)
        known, found = self._verdicts.get(key, (None, None))
        if found is None or known != seen:
            started = time.monotonic()
            findings = await asyncio.to_thread(validate, body, nodes, settings=settings)
            found = nad_status.summarize(body["spec"].get("config"), findings)
            self._verdicts[key] = seen, found
            self._validated = time.monotonic() - started
        return found

    async def _write(self, key: Key, body: Body, changes: dict[str, Any]) -> None:
        """Only over the version that was looked at: other people's conditions are in the same list."""
        namespace, name = key
        patch = {"metadata": {"resourceVersion": body["metadata"]["resourceVersion"]}, "status": changes}
        try:
            written = await self._api.merge_patch(NADS, patch, name, namespace, "status")
        except (ConflictError, NotFoundError) as error:
            await self._look_again(key, body)
            raise TryAgainError(f"{error}; it is looked at again") from error
        self._view.nads.take(written)
        self._keys.rest(key, _ONE_WRITE_IN)

    async def _look_again(self, key: Key, body: Body) -> None:
        """What is there now. Not found may also mean that the CRD at the server has no status."""
        namespace, name = key
        try:
            self._view.nads.take(await self._api.get(NADS, name, namespace))
        except NotFoundError:
            self._view.nads.drop(body)

    async def _tell(self, body: Body, found: Summary, before: str | None) -> None:
        """An event where the NAD has become invalid, or valid again."""
        if found.valid == (before != "False"):
            return
        metadata = body["metadata"]
        subject = Subject(NADS, metadata["name"], metadata["namespace"], metadata["uid"])
        kind, reason = (events.NORMAL, "Valid") if found.valid else (events.WARNING, "Invalid")
        try:
            await events.post(
                self._api, subject, kind=kind, reason=reason, message=found.message, source=_SOURCE
            )
        except NetattachError as error:
            _log.info("the event on NAD %s/%s is not written: %s", subject.namespace, subject.name, error)

    def _forget(self, key: Key) -> None:
        self._verdicts.pop(key, None)
        self._pauses.pop(key, None)
        self._keys.forget(key)

    def _count(self, *, valid: bool) -> int:
        return sum(found.valid == valid for _, found in self._verdicts.values())
