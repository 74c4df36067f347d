"""Pending DELs that the runtime may never retry: interrupted ADDs, failed DELs, forgotten sandboxes.

Plugins have to run on the host, under a shim, so the next call of any sandbox runs them. In the daemon's own container a plugin
would not find its state, and a DEL that finds nothing succeeds (docs/decisions/0010).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from netattach_core.errors import NetattachError
from netattach_kube import log_context
from netattach_kube.backoff import Backoff
from netattach_plugin.call_ports import Shim
from netattach_plugin.calls.call_queue import CallQueue

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 300.0
_SECONDS_OF_A_CALL = 2.0
"""After this much of another sandbox's call, no further retry is started."""

RUNTIME_RETRY_SECONDS = 30.0
"""In this time after a failure, the runtime is expected to retry by itself."""


@dataclass(frozen=True, slots=True)
class _PendingDelete:
    due: float
    backoff: Backoff


class PendingDeletes:
    """Container ids, each with the time of its next retry. `retry` runs the DEL of one of them."""

    def __init__(
        self,
        retry: Callable[[str, Shim], Awaitable[None]],
        queue: CallQueue,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retry = retry
        self._queue = queue
        self._clock = clock
        self._pending: dict[str, _PendingDelete] = {}

    def __contains__(self, container_id: str) -> bool:
        return container_id in self._pending

    def add(self, container_id: str, *, after: float = 0.0) -> None:
        """Due in `after` seconds; retries that fail are repeated with back-off."""
        self._schedule(container_id, after, Backoff(_FIRST_PAUSE, _LONGEST_PAUSE))

    def discard(self, container_id: str) -> None:
        """The runtime calls for this sandbox itself."""
        self._pending.pop(container_id, None)

    @property
    def count(self) -> int:
        """Sandboxes whose DEL is still to be repeated."""
        return len(self._pending)

    async def retry_due(self, shim: Shim) -> None:
        """Before the call's own work, which may need what the DELs free. Raises no NetattachError."""
        until = self._clock() + _SECONDS_OF_A_CALL
        while not shim.cancelled and self._clock() < until:
            due = [key for key, pending in self._pending.items() if pending.due <= self._clock()]
            if not due:
                return
            with log_context.replaced(command="DEL", container=due[0]):
                await self._retry_one(due[0], shim)

    async def _retry_one(self, container_id: str, shim: Shim) -> None:
        """Skips a sandbox with a running call: the outcome of that call counts."""
        backoff = self._pending.pop(container_id).backoff
        async with self._queue.lock_if_free(container_id) as free:
            if not free:
                return
            try:
                await self._retry(container_id, shim)
            except NetattachError as error:
                _log.warning("retry of DEL failed: %s", error)
                self._schedule(container_id, backoff.next(), backoff)
            else:
                _log.info("detached, without a call of its own")

    def _schedule(self, container_id: str, after: float, backoff: Backoff) -> None:
        self._pending[container_id] = _PendingDelete(self._clock() + after, backoff)
