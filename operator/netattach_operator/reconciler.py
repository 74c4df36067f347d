"""Validates one NAD at a time, and writes its status where that has changed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from netattach_core import admission
from netattach_core.api.objects import Body, Key
from netattach_core.errors import ConflictError, NetattachError, NotFoundError, TryAgainError
from netattach_core.policy import exemptions, networks, permission, refusal
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.readiness import nad_nodes
from netattach_core.readiness.index import Network, Readiness
from netattach_core.validation import nad_status
from netattach_core.validation.nad_status import Summary, Verdict
from netattach_core.validation.settings import ValidationSettings
from netattach_core.validation.validator import nad_of, validate
from netattach_kube.api import Api
from netattach_kube.backoff import Backoff
from netattach_kube.resource import NADS
from netattach_operator.metrics import Metrics
from netattach_operator.nad_events import NadEvents
from netattach_operator.view import View
from netattach_operator.work_queue import WorkQueue
from netattach_operator.write_quota import WriteQuota

_log = logging.getLogger(__name__)

_WRITES_AT_ONCE = 6
_ONE_WRITE_IN = 5.0
"""Seconds; each write of a NAD is sent to all that watch NADs, and every node does. So a change is seen at once, and a NAD that
changes all the time is written seldom."""

_WRITES_SENT_PER_SECOND = 100_000
"""Writes of all NADs, times the nodes that each is sent to, in the long run: an upgrade of all daemons changes every NAD."""

_FEW_PAIRS = 10_000
"""NADs times nodes, up to which a NAD is validated together with its readiness, so that it is written once."""

_WORKERS = 8
"""Reconciles at a time: most of their time they wait for the API server."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 300.0
_WARN_FROM = 4.0
"""Seconds; failures with a shorter pause are usual."""

_IDLE_FACTOR = 3.0
"""After a validation, none that can wait for so many times its duration: a change of a node has every NAD validated again."""


class _Verdicts(NamedTuple):
    """What a validation yields; `network` is for readiness."""

    summary: Summary
    permitted: Verdict
    network: Network


class Reconciler:
    """Level-triggered: what it does depends on the current state, never on past events.

    `all_validated` is set once each NAD that there was at the start has been looked at.
    """

    def __init__(
        self,
        api: Api,
        view: View,
        queue: WorkQueue,
        metrics: Metrics,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._view = view
        self._queue = queue
        self._metrics = metrics
        self._now = now
        self._verdicts: dict[Key, tuple[Any, _Verdicts]] = {}
        self._backoffs: dict[Key, Backoff] = {}
        self.events = NadEvents(api)
        self._quota = WriteQuota(time.monotonic, _WRITES_AT_ONCE, self._seconds_per_write)
        self.all_validated = asyncio.Event()
        self._unseen: set[Key] = set()
        metrics.nads.labels("true").set_function(lambda: self._count(valid=True))
        metrics.nads.labels("false").set_function(lambda: self._count(valid=False))

    async def run(self) -> None:
        """Never returns."""
        self._unseen = set(self._view.nads.items())
        self._see(None)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.events.run(), name="Events of NADs")
            for number in range(_WORKERS):
                tasks.create_task(self._work(), name=f"reconcile {number}")

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                await self._try(key)
            finally:
                self._queue.done(key)
                self._see(key)
            # A thousand NADs in which nothing is to be written must not hold up the Lease.
            await asyncio.sleep(0)

    async def reconcile(self, key: Key, *, for_nodes: bool = True) -> None:
        """Raises NetattachError where it has to be retried.

        With `for_nodes`, it is validated again where a node has changed; in a small cluster in any case.
        """
        body = self._view.nads.get(*key)
        if body is None:
            self._forget(key)
            return
        verdicts = await self._verdicts_of(key, body, for_nodes=for_nodes)
        self._view.readiness.put_network(key, verdicts.network)
        before, ready = body["status"], self._view.readiness.of_network(key)
        also = [verdicts.permitted] if ready is None else [verdicts.permitted, nad_nodes.verdict(ready)]
        after = nad_status.status(
            verdicts.summary,
            before,
            also=also,
            generation=body["metadata"].get("generation") or 0,
            pods=None if ready is None else self._view.readiness.attached_pods(key),
            observed={} if ready is None else self._observed(key, ready),
            now=self._now().isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        changes = nad_status.changes(before, after)
        if changes and "deletionTimestamp" not in body["metadata"]:
            await self._write(key, body, changes)
            for verdict in (verdicts.summary.verdict, *also):
                self.events.report(body, verdict, nad_status.condition(before, verdict.type))

    def _see(self, key: Key | None) -> None:
        if key is not None:
            self._unseen.discard(key)
        if not self._unseen:
            self.all_validated.set()

    def _observed(self, key: Key, ready: Readiness) -> dict[str, Any]:
        return {"nodes": nad_nodes.nodes(ready), "outdatedPods": self._view.readiness.outdated_pods(key)}

    def _seconds_per_write(self) -> float:
        """Of one NAD, in the long run."""
        sent = len(self._view.nads.items()) * self._view.cluster_nodes.count
        return max(_ONE_WRITE_IN, sent / _WRITES_SENT_PER_SECOND)

    async def _try(self, key: Key) -> None:
        """No failure of one NAD ends the operator or delays the other NADs."""
        try:
            with self._metrics.reconcile_duration.time():
                await self.reconcile(key, for_nodes=self._queue.can_wait(key))
        except NetattachError as error:
            level = logging.INFO if self._retry(key) < _WARN_FROM else logging.WARNING
            _log.log(level, "the status of NAD %s is not written yet: %s", "/".join(key), error)
        except Exception:  # noqa: BLE001  # see above
            self._retry(key)
            _log.exception("internal error: the status of NAD %s is not written", "/".join(key))
        else:
            self._backoffs.pop(key, None)

    def _retry(self, key: Key) -> float:
        """Queues the key again; returns in how many seconds."""
        self._metrics.reconcile_failures.inc()
        pause = self._backoffs.setdefault(key, Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)).next()
        self._queue.add(key, pause)
        return pause

    async def _verdicts_of(self, key: Key, body: Body, *, for_nodes: bool) -> _Verdicts:
        """Validates only where an input of the validator has changed; in a thread, so that the Lease is renewed meanwhile."""
        nodes, settings, policy = self._view.nodes, self._view.settings.validation, self._view.policy(key[0])
        others = self._view.leases.others(key)
        inputs = (
            body["spec"],
            body["metadata"]["annotations"],
            settings,
            policy,
            others,
            self._view.nodes_version,
        )
        last_inputs, verdicts = self._verdicts.get(key, (None, None))
        few = len(self._view.nads.items()) * len(nodes or ()) <= _FEW_PAIRS
        compared = len(inputs) if for_nodes or few else -1
        if verdicts is None or last_inputs is None or last_inputs[:compared] != inputs[:compared]:
            started = time.monotonic()
            around = Surroundings(nodes or (), settings.networks, self._view.leases.footprints)
            verdicts = await asyncio.to_thread(_validate, body, around, settings, policy)
            self._verdicts[key] = inputs, verdicts
            self._queue.rest(_IDLE_FACTOR * (time.monotonic() - started))
        return verdicts

    async def _write(self, key: Key, body: Body, changes: dict[str, Any]) -> None:
        """Only over the version that was validated: the conditions of other writers are in the same list."""
        namespace, name = key
        patch = {"metadata": {"resourceVersion": body["metadata"]["resourceVersion"]}, "status": changes}
        try:
            written = await self._api.merge_patch(NADS, patch, name, namespace, "status")
        except (ConflictError, NotFoundError) as error:
            await self._refresh(key, body)
            raise TryAgainError(f"{error}; it is read again") from error
        self._view.nads.put(written)
        pause = self._quota.spend(key)
        if pause:
            self._queue.hold(key, pause)

    async def _refresh(self, key: Key, body: Body) -> None:
        """Reads the NAD. A write that returns 404 may also mean that the server's CRD has no status subresource."""
        namespace, name = key
        try:
            self._view.nads.put(await self._api.get(NADS, name, namespace))
        except NotFoundError:
            self._view.nads.remove(body)

    def _forget(self, key: Key) -> None:
        self._view.readiness.remove_network(key)
        self._quota.forget(key)
        self._verdicts.pop(key, None)
        self._backoffs.pop(key, None)
        self._queue.forget(key)

    def _count(self, *, valid: bool) -> int:
        return sum(found.summary.verdict.holds == valid for _, found in self._verdicts.values())


def _validate(
    body: Body, around: Surroundings, settings: ValidationSettings, policy: NamespacePolicy
) -> _Verdicts:
    honoured = exemptions.honoured(body, policy)
    too_long = admission.config_too_long(nad_of(body).config)
    if too_long is None:
        findings = validate(honoured, around.nodes or None, settings=settings)
        of_policy = networks.check(nad_of(body), policy, around)
    else:  # created while there were no webhooks; each node refuses it by policy, and takes no time for it either
        findings = [too_long]
        of_policy = findings if policy.enforce is not Level.PRIVILEGED else []
    return _Verdicts(
        nad_status.summarize(body["spec"].get("config"), findings),
        permission.verdict(of_policy),
        refusal.network(nad_of(honoured), findings, of_policy, settings, policy),
    )
