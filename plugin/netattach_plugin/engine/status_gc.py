"""STATUS and GC: the verbs that concern the node and no single pod."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import NoReturn

from netattach_core.attach import attachment, gc_plan, plan
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Plan
from netattach_core.attach.sandbox import Sandbox
from netattach_core.errors import DelegateError, NetattachError, NotReadyError, TryAgainError
from netattach_plugin.engine import plan_executor
from netattach_plugin.engine.context import CallContext
from netattach_plugin.engine.plan_executor import PlanOutcome
from netattach_plugin.engine.plugin_runner import PluginRunner
from netattach_plugin.ports import Ledger, NodeNetworks

_SECONDS = 15.0
"""For each plugin: a kubelet waits for STATUS, and pods wait for GC."""


class StatusAndGc:
    """Keeps the ADDs that are about to be in the ledger, so that a concurrent GC does not collect what they attach.

    `report_status` gets the code, 0 for ready, and the message of each STATUS.
    """

    def __init__(
        self,
        ledger: Ledger,
        networks: NodeNetworks,
        report_status: Callable[[int, str], None] = lambda *_: None,
    ) -> None:
        self._ledger = ledger
        self._networks = networks
        self._report_status = report_status
        self._starting: dict[str, Sandbox] = {}
        self._collecting = asyncio.Lock()
        self._no_gc = asyncio.Event()
        self._no_gc.set()

    @contextlib.asynccontextmanager
    async def starting(self, sandbox: Sandbox) -> AsyncIterator[None]:
        """While an ADD's entry is written; waits for a GC that is running (CNI SPEC, section "GC": no ADD at the same time)."""
        while not self._no_gc.is_set():  # another one may start before this task runs again
            await self._no_gc.wait()
        self._starting[sandbox.container_id] = sandbox
        try:
            yield
        finally:
            del self._starting[sandbox.container_id]

    async def status(self, context: CallContext) -> None:
        """Whether pods can be attached: there is a default network, and its plugins are ready. Raises NotReadyError."""
        try:
            await self._status(context)
        except NotReadyError as error:
            self._report_status(error.code, error.message)
            raise
        self._report_status(0, "")

    async def _status(self, context: CallContext) -> None:
        try:
            default = attachment.of_default_network(context.request, self._networks.default_network())
        except TryAgainError as missing:
            raise NotReadyError(missing.message) from missing
        done = await _execute(plan.status(default), context)
        for step, error in done.failures:
            code = error.delegate_code if isinstance(error, DelegateError) else 0
            problem = f"the default network {default.network} is not ready: {error.message}"
            raise NotReadyError(
                problem, details=f"{step.plugin}: {error.details}", code=code or NotReadyError.code
            )

    async def collect(self, context: CallContext) -> None:
        """GC of all networks; valid is what the ledger has and what the runtime lists. Raises NetattachError."""
        async with self._collecting:
            self._no_gc.clear()
            try:
                default = attachment.of_default_network(context.request, self._networks.default_network())
                collection = gc_plan.collect(default, context.request.valid_attachments, await self._valid())
                done = await _execute(collection, context)
            finally:
                self._no_gc.set()
        if done.failures:
            raise DelegateError(
                "; ".join(
                    f"GC of network {step.id.rpartition('/')[0]}: {error.message}"
                    for step, error in done.failures
                )
            )

    async def _valid(self) -> list[tuple[str, Attachment]]:
        """Includes sandboxes that are being detached: their own DEL frees them. Raises NetattachError."""
        sandboxes = dict(self._starting)
        async for sandbox in self._ledger.sandboxes(_refuse_unreadable):
            sandboxes[sandbox.container_id] = sandbox
        return [(key, each) for key, sandbox in sandboxes.items() for each in sandbox.attachments]


def _refuse_unreadable(container_id: str, error: Exception) -> NoReturn:
    """It may be a pod that runs."""
    problem = f"what sandbox {container_id} has cannot be read from the ledger, so nothing is collected"
    raise NetattachError(f"{problem}: {error}") from error


async def _execute(plan_: Plan, context: CallContext) -> PlanOutcome:
    runner = PluginRunner(dataclasses.replace(context, plugin_deadline=_SECONDS))
    return await plan_executor.execute(plan_, plan_executor.executors(runner))
