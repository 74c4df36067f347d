"""ADD: select, ask the gates, resolve, plan, write the ledger, execute, answer.

An ADD that fails or is cancelled is undone before it is answered.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Sequence

from netattach_core.attach import outcome, plan
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.outcome import AddOutcome
from netattach_core.attach.plan import Plan, Verb
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni.request import CniRequest
from netattach_core.errors import EnvironmentVariableError, NetattachError, TryAgainError
from netattach_plugin.engine import default_routes, ledger_entry, plan_executor, timings
from netattach_plugin.engine.context import CallContext
from netattach_plugin.engine.detacher import Detacher
from netattach_plugin.engine.gate import Gate
from netattach_plugin.engine.native_runner import NativeAdd
from netattach_plugin.engine.network_resolver import Resolver, may_select_nothing
from netattach_plugin.engine.plugin_runner import PluginRunner
from netattach_plugin.engine.status_gc import StatusAndGc
from netattach_plugin.engine.timings import Phase as CallPhase
from netattach_plugin.engine.timings import Stopwatch
from netattach_plugin.native_ports import AddressStore
from netattach_plugin.netns import identity
from netattach_plugin.ports import DeviceFiles, Events, Ledger, Links, PodLinks, StatusSink

_log = logging.getLogger(__name__)


class Add:
    """The verb ADD."""

    def __init__(  # noqa: PLR0913  # one collaborator each
        self,
        *,
        resolver: Resolver,
        gates: Sequence[Gate],
        ledger: Ledger,
        links: Links,
        device_files: DeviceFiles,
        status: StatusSink,
        events: Events,
        gc: StatusAndGc,
        detacher: Detacher,
        addresses: AddressStore,
    ) -> None:
        self._resolver = resolver
        self._gates = gates
        self._ledger = ledger
        self._links = links
        self._device_files = device_files
        self._status = status
        self._events = events
        self._gc = gc
        self._detacher = detacher
        self._addresses = addresses

    async def run(self, context: CallContext) -> str:
        """Attaches all networks of a pod; the default network's result as text. Raises NetattachError; nothing remains then."""
        request, shim = context.request, context.shim
        if shim.netns is None:
            raise EnvironmentVariableError(
                f"CNI_NETNS {request.netns}: there is no network namespace to be opened"
            )
        await self._undo_unfinished(context)
        watch = Stopwatch(context.recorder, Verb.ADD)
        attachments = self._device_files.with_paths(request, await self._permitted(request))
        watch.ended(CallPhase.RESOLVE)
        _log.debug("networks: %s", ", ".join(f"{each.ifname}={each.network}" for each in attachments))
        async with self._links.open(shim.netns, shim.route_sockets) as links:
            wanted = [each.ifname for each in attachments]
            _check_names_are_free(attachments, await links.existing(wanted))
            added = await self._attach(context, attachments, links, watch)
        watch.restart()
        await self._publish(context, added, default_only=len(attachments) == 1)
        watch.ended(CallPhase.STATUS)
        if shim.cancelled:
            await self._undo_cancelled(context)
        return added.result

    async def _permitted(self, request: CniRequest) -> tuple[Attachment, ...]:
        """The networks of the pod, once each gate has let them pass; nothing has been written or run yet."""
        selected = await self._resolver.select(request)
        if request.pod is not None:
            for gate in self._gates:
                await gate.check(request.pod, selected)
        return await self._resolver.attachments(request, selected)

    async def _undo_unfinished(self, context: CallContext) -> None:
        """An unfinished ADD was reported as failed, so it is undone and never finished."""
        container_id = context.request.container_id
        found = await self._ledger.load(container_id)
        if found is None:
            return
        if found.phase is Phase.ADDED:
            raise NetattachError(
                f"sandbox {container_id} is attached already; the runtime has to call DEL first"
            )
        await self._detacher.detach(context.for_entry(found), found)

    async def _undo_cancelled(self, context: CallContext) -> None:
        """The runtime cancelled the call while the status was written."""
        attached = await self._ledger.load(context.request.container_id)
        if attached is not None:
            await self._detacher.detach(context, attached)
        raise TryAgainError("the runtime cancelled the call after the networks were attached")

    async def _attach(
        self,
        context: CallContext,
        attachments: Sequence[Attachment],
        links: PodLinks,
        watch: Stopwatch,
    ) -> AddOutcome:
        """The ledger first, then the plan; after any failure, all that was started is undone in reverse."""
        request = context.request
        planned = plan.add(attachments, skip_idle=context.skip_idle, native=_native(context))
        attachments = plan.with_native(attachments, planned)
        sandbox = Sandbox(
            request.container_id,
            request.netns,
            request.pod,
            Phase.ADDING,
            attachments,
            netns_id=identity(context.shim.netns),
        )
        async with self._gc.starting(sandbox):
            await ledger_entry.save(self._ledger, sandbox)
        await self._prepare_device_files(context, sandbox)
        watch.ended(CallPhase.PLAN)
        done = await self._execute(context, planned, links)
        timings.report(context.recorder, Verb.ADD, attachments, done.times, done.failures)
        context.recorder.failed(attachments, done.failures)
        attached = tuple(done.with_results(attachments))
        try:
            done.check(Verb.ADD, attachments)
            if context.shim.cancelled:
                raise TryAgainError("the runtime cancelled the call while the networks were being attached")
            routed = await default_routes.enforce(attached, links)
            attached = routed.attachments
            infos = self._device_files.read(attached)
            added = outcome.of_add(request, attached, infos, routed.in_force)
            finished = dataclasses.replace(
                sandbox, phase=Phase.ADDED, attachments=attached, status=added.status
            )
            await ledger_entry.save_without_sync(self._ledger, finished)
        except NetattachError as error:
            failed = dataclasses.replace(sandbox, attachments=attached)
            await self._undo(context, failed, done.started, error)
            raise
        return added

    async def _execute(
        self, context: CallContext, planned: Plan, links: PodLinks
    ) -> plan_executor.PlanOutcome:
        request, shim = context.request, context.shim
        deadline = min(context.plugin_deadline, max(1.0, shim.seconds_left()))
        runner = PluginRunner(dataclasses.replace(context, plugin_deadline=deadline))
        native = NativeAdd(request.container_id, request.netns, shim, links, self._addresses)
        async with native:
            return await plan_executor.execute(
                planned,
                plan_executor.executors(runner),
                native=native,
                cancelled=lambda: shim.cancelled,
                links=links,
            )

    async def _prepare_device_files(self, context: CallContext, sandbox: Sandbox) -> None:
        try:
            self._device_files.prepare(sandbox.attachments)
        except NetattachError as error:
            await self._undo(context, sandbox, (), error)
            raise

    async def _undo(
        self, context: CallContext, sandbox: Sandbox, started: Collection[str], error: NetattachError
    ) -> None:
        """What cannot be undone stays in the ledger for the next DEL, and is in the details of the error."""
        try:
            await self._detacher.detach(context, sandbox, started)
        except NetattachError as undo_error:
            error.details = "\n".join(filter(None, (error.details, f"not undone yet: {undo_error.message}")))

    async def _publish(self, context: CallContext, added: AddOutcome, *, default_only: bool) -> None:
        """network-status: awaited for a pod that selects networks, asynchronous for others."""
        pod = context.request.pod
        if pod is None:
            return
        if default_only and may_select_nothing(context.request):
            self._status.enqueue(pod, added.status)
            return
        self._events.added(pod, added.events, context.recorder.record())
        await self._status.write(pod, added.status)


def _native(context: CallContext) -> frozenset[str]:
    """A shim of an earlier release writes no sysctls."""
    return context.native if context.shim.writes_sysctls else frozenset()


def _check_names_are_free(attachments: Sequence[Attachment], existing: frozenset[str]) -> None:
    """Before any plugin runs: the DEL that has to follow a failed ADD would remove the existing interface."""
    for each in attachments:
        if each.ifname in existing:
            raise NetattachError(
                f"network {each.network}: the pod has an interface {each.ifname!r} already; ask for another name"
            )
