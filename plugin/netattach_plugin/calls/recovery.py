"""Recovery from the ledger: after a restart, and by sweeps for sandboxes that the runtime has forgotten.

An unfinished ADD was reported as failed, so it is undone and never finished; an unfinished DEL is finished. A network-status that
was not written is written.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Callable

from netattach_core.api import networks_annotation
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import NetattachError
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import PendingDeletes
from netattach_plugin.netns import is_gone
from netattach_plugin.ports import Leases, Ledger, PodReader, StatusSink

_log = logging.getLogger(__name__)

_SWEEPS = 10
"""In the time after which a sandbox without a namespace is forgotten."""

_AFTER_START = 30.0
"""Seconds in which the runtime may call DEL for sandboxes that ended without a daemon, as after an uninstall."""


class Recovery:
    """`read` has to end before the first call is served; `run` goes on during the calls."""

    def __init__(  # noqa: PLR0913  # one collaborator each
        self,
        *,
        ledger: Ledger,
        leases: Leases,
        pending: PendingDeletes,
        queue: CallQueue,
        pods: PodReader,
        status: StatusSink,
        sweep_after: float,
        attached: Callable[[Sandbox], object] = lambda _: None,
    ) -> None:
        """`sweep_after`: seconds for which the namespace of a forgotten sandbox has been gone.

        `attached` gets each sandbox that `read` finds attached.
        """
        self._ledger = ledger
        self._leases = leases
        self._pending = pending
        self._queue = queue
        self._pods = pods
        self._status = status
        self._sweep_after = sweep_after
        self._report_attached = attached
        self._gone: dict[str, float] = {}
        self._attached: list[Sandbox] = []

    async def read(self) -> None:
        """Makes a pending DEL of each unfinished sandbox; no call can be running yet.

        A namespace that was gone before the start counts as gone for longer than one that goes afterwards.
        """
        since = time.monotonic() - self._sweep_after + min(_AFTER_START, self._sweep_after)
        async for sandbox in self._ledger.sandboxes(_log_unreadable):
            if sandbox.phase is not Phase.ADDED:
                self._pending.add(sandbox.container_id)
                continue
            self._attached.append(sandbox)
            self._report_attached(sandbox)
            if is_gone(sandbox.netns):
                self._gone[sandbox.container_id] = since

    async def run(self) -> None:
        """Removes leases that no DEL can release and writes the missing statuses, then sweeps. Never returns."""
        await self._leases.remove_ownerless()
        await self.write_statuses()
        pause = self._sweep_after / _SWEEPS
        await asyncio.sleep(min(_AFTER_START, pause))
        while True:
            await self.sweep()
            await asyncio.sleep(pause)

    async def write_statuses(self) -> None:
        """Of all sandboxes that `read` found attached, once."""
        while self._attached:
            await self._write_status(self._attached.pop())

    async def sweep(self) -> None:
        """Makes a pending DEL of each sandbox that was forgotten: its namespace has been gone for `sweep_after` seconds.

        Removes the leases that no DEL can release.
        """
        await self._leases.remove_ownerless()
        now, gone = time.monotonic(), {}
        async for sandbox in self._ledger.sandboxes(_log_unreadable):
            if is_gone(sandbox.netns):
                gone[sandbox.container_id] = self._gone.get(sandbox.container_id, now)
        self._gone = gone
        for container_id, since in gone.items():
            if now - since >= self._sweep_after and container_id not in self._pending:
                await self._delete_forgotten(container_id)

    async def _delete_forgotten(self, container_id: str) -> None:
        async with self._queue.lock_if_free(container_id) as free:
            sandbox = await self._ledger.load(container_id) if free else None
            if sandbox is None:
                return
            try:
                await self._ledger.save_without_sync(dataclasses.replace(sandbox, phase=Phase.DELETING))
            except OSError as error:
                _log.warning("the ledger cannot be written: %s", error)
                return
            _log.info("sandbox %s is forgotten: its namespace %s is gone", container_id, sandbox.netns)
            self._pending.add(container_id)

    async def _write_status(self, sandbox: Sandbox) -> None:
        """Writes nothing where the pod has it already, as nearly all have."""
        text = sandbox.status
        if sandbox.pod is None or not text:
            return
        try:
            pod = await self._pods.pod(sandbox.pod)
        except NetattachError as error:
            _log.warning("network-status of pod %s is not compared: %s", sandbox.pod, error)
            return
        if pod is None or pod.annotations.get(networks_annotation.NETWORK_STATUS) == text:
            return
        if len(sandbox.attachments) == 1:
            self._status.enqueue(sandbox.pod, text)
        else:
            await self._status.write(sandbox.pod, text)


def _log_unreadable(container_id: str, error: Exception) -> None:
    """Only its own DEL removes such an entry: it may be a pod that runs."""
    _log.error("the ledger's entry of sandbox %s cannot be read: %s", container_id, error)
