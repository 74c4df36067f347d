"""CHECK: every plugin checks what it has created."""

from __future__ import annotations

from netattach_core.attach import plan
from netattach_core.attach.plan import Verb
from netattach_core.attach.sandbox import Phase
from netattach_core.errors import NotFoundError
from netattach_plugin.engine import plan_executor, timings
from netattach_plugin.engine.context import CallContext
from netattach_plugin.engine.plugin_runner import PluginRunner
from netattach_plugin.engine.unknown_sandbox import UnknownSandboxes
from netattach_plugin.ports import Ledger, Timings


class Check:
    """The verb CHECK."""

    def __init__(self, ledger: Ledger, unknown: UnknownSandboxes, timings: Timings) -> None:
        self._ledger = ledger
        self._timings = timings
        self._unknown = unknown

    async def run(self, context: CallContext) -> None:
        """Raises NetattachError for a sandbox without a finished ADD, and where a plugin fails."""
        container_id = context.request.container_id
        sandbox = await self._ledger.load(container_id) or await self._unknown.load(context.request)
        if sandbox.phase is not Phase.ADDED or not any(each.result for each in sandbox.attachments):
            raise NotFoundError(f"sandbox {container_id} has no finished ADD")
        done = await plan_executor.execute(
            plan.check(sandbox.attachments), plan_executor.executors(PluginRunner(context))
        )
        timings.report(self._timings, Verb.CHECK, sandbox.attachments, done.times, done.failures)
        done.check(Verb.CHECK, sandbox.attachments)
