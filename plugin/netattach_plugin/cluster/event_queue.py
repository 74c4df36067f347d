"""Events of pods and of this node: asynchronous, best effort.

Nobody waits for the Event of a pod that has been attached, while pods that start at the same moment wait for the API server. So
these Events are written once no pod has been attached for a moment; what failed is written at once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from netattach_core.api import call_record
from netattach_core.api.call_record import CallRecord
from netattach_core.api.pod import PodRef
from netattach_core.errors import NetattachError, TryAgainError
from netattach_kube import events
from netattach_kube.api import Api
from netattach_kube.backoff import Backoff
from netattach_kube.events import Subject
from netattach_kube.resource import NODES, PODS

_log = logging.getLogger(__name__)

ADDED, FAILED, MISSING = "AddedInterface", "FailedAttachment", "NetworkMissing"
REASONS = (ADDED, FAILED, MISSING)
"""All that the daemon uses for pods; the policy on its Events refuses others."""

CONTESTED = "CNIConfigContested"
"""For the node: another program keeps netattach's conflist from being the first. The policy allows no other reason."""

_LONGEST_QUEUE = 1000
_MOST_REPORTED = 1000
_SAME_TEXT_SECONDS = 300.0
"""In this time, the same failure of the same pod is one Event: the kubelet retries a pod that fails."""

_QUIET = 1.0
"""Seconds without an attached pod, after which the Events of those before are written."""

_LATEST = 30.0
"""Seconds after which such an Event is written, however many pods are attached."""

_LOOK = 0.1
"""Seconds between two looks whether it is to be written."""

_BETWEEN = "; "
"""Separates the interfaces of one Event."""

_TRIES = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 8.0


@dataclass(frozen=True, slots=True)
class _Event:
    subject: Subject
    kind: str
    reason: str
    message: str
    record: CallRecord | None = None
    happened: int = field(default_factory=time.time_ns)
    queued: float = field(default_factory=time.monotonic)


class EventQueue:
    """The port Events. `run` writes them in order; what does not fit into its queue or what the API refuses is dropped.

    `per_interface` returns whether each interface of a pod is an Event of its own.
    """

    def __init__(self, api: Api, node: str, *, per_interface: Callable[[], bool] = lambda: False) -> None:
        self._api = api
        self._per_interface = per_interface
        self._node = node
        self._source = {"component": "netattach", "host": node}
        self._queue: asyncio.Queue[_Event] = asyncio.Queue(_LONGEST_QUEUE)
        self._added: asyncio.Queue[_Event] = asyncio.Queue(_LONGEST_QUEUE)
        self._last_added = 0.0
        self._reported: OrderedDict[tuple[Subject, str], float] = OrderedDict()

    def added(self, ref: PodRef, messages: Iterable[str], record: CallRecord | None = None) -> None:
        for message in messages if self._per_interface() else _joined(messages):
            self._put(self._added, _Event(_pod(ref), events.NORMAL, ADDED, message, record))
        self._last_added = time.monotonic()

    def failed(self, ref: PodRef, message: str, record: CallRecord | None = None) -> None:
        self._warn(_pod(ref), FAILED, message, record)

    def missing(self, ref: PodRef, message: str) -> None:
        self._warn(_pod(ref), MISSING, message)

    def contested(self, message: str) -> None:
        """About this node; with its name as UID, as the kubelet's Events, among which `kubectl describe node` shows it."""
        self._warn(Subject(NODES, self._node, uid=self._node), CONTESTED, message)

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_added(), name="events of attached pods")
            while True:
                await self._write(await self._queue.get())

    async def _run_added(self) -> None:
        while True:
            event = await self._added.get()
            while not self._is_due(event):  # noqa: ASYNC110  # it also depends on the time
                await asyncio.sleep(_LOOK)
            await self._write(event)

    def _is_due(self, added: _Event) -> bool:
        """A queue that fills up does not wait either: it would drop what comes next."""
        is_quiet = time.monotonic() - self._last_added >= _QUIET
        is_late = time.monotonic() - added.queued >= _LATEST
        return is_quiet or is_late or self._added.qsize() > _LONGEST_QUEUE // 2

    def _warn(self, subject: Subject, reason: str, message: str, record: CallRecord | None = None) -> None:
        key, now = (subject, message), time.monotonic()
        if now - self._reported.get(key, -_SAME_TEXT_SECONDS) < _SAME_TEXT_SECONDS:
            return
        self._reported[key] = now
        self._reported.move_to_end(key)
        if len(self._reported) > _MOST_REPORTED:
            self._reported.popitem(last=False)
        self._put(self._queue, _Event(subject, events.WARNING, reason, message, record))

    def _put(self, queue: asyncio.Queue[_Event], event: _Event) -> None:
        try:
            queue.put_nowait(event)
        except asyncio.QueueFull:
            _log.warning("event %s of %s is dropped: the queue is full", event.reason, _text(event.subject))

    async def _write(self, event: _Event) -> None:
        annotations = {call_record.ANNOTATION: call_record.to_text(event.record)} if event.record else {}
        for _, pause in zip(range(_TRIES), Backoff(_FIRST_PAUSE, _LONGEST_PAUSE), strict=False):
            try:
                await events.post(
                    self._api,
                    event.subject,
                    kind=event.kind,
                    reason=event.reason,
                    message=event.message,
                    source=self._source,
                    annotations=annotations,
                    happened=event.happened,
                )
            except TryAgainError:
                await asyncio.sleep(pause)
            except NetattachError as error:  # its namespace is being deleted, for example
                _log.info("event %s of %s is refused: %s", event.reason, _text(event.subject), error)
                return
            except Exception:  # noqa: BLE001  # no Event ends the daemon
                _log.exception("internal error: no event %s of %s", event.reason, _text(event.subject))
                return
            else:
                return
        _log.warning(
            "event %s of %s is dropped: the API cannot be reached", event.reason, _text(event.subject)
        )


def _pod(ref: PodRef) -> Subject:
    return Subject(PODS, ref.name, ref.namespace, ref.uid)


def _text(subject: Subject) -> str:
    """`pod ns/name`, `node name`."""
    name = f"{subject.namespace}/{subject.name}" if subject.namespace else subject.name
    return f"{subject.resource.kind.lower()} {name}"


def _joined(messages: Iterable[str]) -> Iterator[str]:
    """As few texts as the longest message of an Event allows; each message stays whole and in order."""
    text = ""
    for message in messages:
        longer = f"{text}{_BETWEEN}{message}" if text else message
        if text and len(longer.encode(errors="replace")) > events.LONGEST:
            yield text
            text = message
        else:
            text = longer
    if text:
        yield text
