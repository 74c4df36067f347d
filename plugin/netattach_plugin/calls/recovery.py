"""What an earlier daemon left, and what no runtime asks for: read from the ledger at the start, and swept up from time to time.

An unfinished ADD was reported as failed, so it is undone and never finished; an unfinished DEL is finished. A status that was
not delivered is delivered.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import AsyncIterator

from netattach_core.api import networks_annotation
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import DecodeError, NetattachError
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import PendingDeletes
from netattach_plugin.netns import is_gone
from netattach_plugin.ports import Ledger, StatusSink, Store

_log = logging.getLogger(__name__)

_LOOKS = 10
"""So often a namespace is looked for before it counts as gone."""

_AFTER_START = 30.0
"""Seconds for the runtime to ask for the DEL of what went while there was no daemon, as after an uninstallation."""


class Recovery:
    """`read` comes before the first call is served, `run` beside the calls."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        debts: PendingDeletes,
        turns: CallQueue,
        store: Store,
        status: StatusSink,
        sweep_after: float,
    ) -> None:
        self._ledger = ledger
        self._debts = debts
        self._turns = turns
        self._store = store
        self._status = status
        self._sweep_after = sweep_after
        self._gone: dict[str, float] = {}
        self._found: list[Sandbox] = []

    async def read(self) -> None:
        """Everything unfinished is owed from now on; nobody has anything under way yet.

        A namespace that went before our time is not waited for as long as one that goes before our eyes.
        """
        since = time.monotonic() - self._sweep_after + min(_AFTER_START, self._sweep_after)
        async for sandbox in self._entries():
            if sandbox.phase is not Phase.ADDED:
                self._debts.owe(sandbox.container_id)
                continue
            self._found.append(sandbox)
            if is_gone(sandbox.netns):
                self._gone[sandbox.container_id] = since

    async def run(self) -> None:
        """The statuses once; then sweeps. Never returns."""
        while self._found:
            await self._tell(self._found.pop())
        pause = self._sweep_after / _LOOKS
        await asyncio.sleep(min(_AFTER_START, pause))
        while True:
            await self.sweep()
            await asyncio.sleep(pause)

    async def sweep(self) -> None:
        """Owes the DEL of each sandbox whose namespace has been gone for long: its runtime has forgotten it."""
        now, gone = time.monotonic(), {}
        async for sandbox in self._entries():
            if is_gone(sandbox.netns):
                gone[sandbox.container_id] = self._gone.get(sandbox.container_id, now)
        self._gone = gone
        for container_id, since in gone.items():
            if now - since >= self._sweep_after and not self._debts.owes(container_id):
                await self._give_up(container_id)

    async def _give_up(self, container_id: str) -> None:
        async with self._turns.taken_if_free(container_id) as free:
            sandbox = await self._ledger.load(container_id) if free else None
            if sandbox is None:
                return
            try:
                await self._ledger.note(dataclasses.replace(sandbox, phase=Phase.DELETING))
            except OSError as error:
                _log.warning("the ledger cannot be written: %s", error)
                return
            _log.info("sandbox %s: its namespace %s is gone", container_id, sandbox.netns)
            self._debts.owe(container_id)

    async def _entries(self) -> AsyncIterator[Sandbox]:
        """Those that can be read; of the others only their own DEL may dispose, since they may be pods that run."""
        for container_id in await self._ledger.container_ids():
            await asyncio.sleep(0)  # between the calls
            try:
                sandbox = await self._ledger.load(container_id)
            except (DecodeError, OSError) as error:
                _log.error(
                    "the ledger's entry of sandbox %s cannot be read: %s", container_id, error
                )  # no defect
                continue
            if sandbox is not None:
                yield sandbox

    async def _tell(self, sandbox: Sandbox) -> None:
        """Writes nothing where the pod has it already, as nearly all have."""
        text = sandbox.status
        if sandbox.pod is None or not text:
            return
        try:
            pod = await self._store.pod(sandbox.pod)
        except NetattachError as error:
            _log.warning("network-status of pod %s is not compared: %s", sandbox.pod, error)
            return
        if pod is None or pod.annotations.get(networks_annotation.NETWORK_STATUS) == text:
            return
        if len(sandbox.attachments) == 1:
            self._status.deliver_later(sandbox.pod, text)
        else:
            await self._status.deliver(sandbox.pod, text)
