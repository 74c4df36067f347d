"""One call, from what was asked to what is answered: gather, decide, act, answer.

The only user of two ports at once. A failed or abandoned ADD is undone before it is answered; DEL goes by the ledger.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Collection, Sequence

from netattach_core.api.pod import PodRef
from netattach_core.attach import attachment, plan
from netattach_core.attach import outcome as call_outcome
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.outcome import Told
from netattach_core.attach.plan import Carrier, Plan, Step, Verb
from netattach_core.attach.sandbox import Phase, Sandbox, delete_call
from netattach_core.cni.request import CniRequest
from netattach_core.errors import (
    DecodeError,
    EnvironmentVariableError,
    NetattachError,
    NotFoundError,
    TryAgainError,
)
from netattach_plugin.engine import default_routes
from netattach_plugin.engine.del_fallback import DelFallback, LinkNames
from netattach_plugin.engine.network_resolver import NetworkResolver, is_plain, may_be_plain
from netattach_plugin.engine.plan_executor import Outcome, carry_out
from netattach_plugin.engine.plugin_runner import PluginExecutor
from netattach_plugin.engine.status_gc import StatusAndGc
from netattach_plugin.netns import is_gone
from netattach_plugin.ports import (
    DeviceFiles,
    Events,
    Executors,
    Foreign,
    Ledger,
    Links,
    NodeNetworks,
    PodLinks,
    Shim,
    StatusSink,
)

_SETTLING_SECONDS = 10.0
"""For each plugin of a sandbox that is detached in somebody else's time."""


class Engine:
    """Stateless between calls: what has to be remembered is in the ledger."""

    def __init__(  # noqa: PLR0913  # one port each
        self,
        *,
        pod_networks: NetworkResolver,
        ledger: Ledger,
        foreign: Foreign,
        networks: NodeNetworks,
        links: Links,
        status: StatusSink,
        events: Events,
        device_files: DeviceFiles,
        plugin_deadline: float,
    ) -> None:
        self._pod_networks = pod_networks
        self.node = StatusAndGc(ledger, networks)
        self._device_files = device_files
        self._ledger = ledger
        self._foreign = foreign
        self._networks = networks
        self._links = links
        self._status = status
        self._events = events
        self._plugin_deadline = plugin_deadline

    async def add(self, call: CniRequest, shim: Shim) -> str:
        """Attaches all networks of a pod; the default network's result as text. Raises NetattachError, nothing is left then."""
        try:
            return await self._add(call, shim)
        except NetattachError as error:
            if call.pod is not None and not is_plain(call):
                self._events.failed(call.pod, error.message)
            raise

    async def _add(self, call: CniRequest, shim: Shim) -> str:
        if shim.netns is None:
            raise EnvironmentVariableError(
                f"CNI_NETNS {call.netns}: there is no network namespace to be opened"
            )
        await self._undo_what_an_earlier_call_left(call, shim)
        attachments = self._device_files.named(call, await self._pod_networks.attachments(call))
        async with self._links.open(shim.netns) as links:
            _refuse_taken_names(call, attachments, await links.names())
            told = await self._act(call, attachments, shim, links)
        await self._publish(call.pod, told, plain=len(attachments) == 1 and may_be_plain(call))
        if shim.cancelled:
            await self._undo_what_nobody_heard_of(call, shim)
        return told.result

    async def delete(self, call: CniRequest, shim: Shim) -> None:
        """Detaches what the ledger says; of a sandbox it does not know, what others say. Raises NetattachError."""
        try:
            sandbox = await self._ledger.load(call.container_id)
        except DecodeError as error:
            sandbox = await self._rebuilt(call, shim, error)
        if sandbox is None:
            sandbox = await self._made_by_others(call)
        elif sandbox.phase is Phase.ADDED:
            with contextlib.suppress(OSError):  # a full disk keeps no pod from being deleted
                await self._ledger.note(dataclasses.replace(sandbox, phase=Phase.DELETING))
        await self._detach(dataclasses.replace(sandbox, phase=Phase.DELETING), call, shim)

    async def settle(self, container_id: str, shim: Shim) -> None:
        """The DEL of a sandbox that is not attached, or not wholly, over another one's shim. Raises NetattachError."""
        sandbox = await self._ledger.load(container_id)
        if sandbox is None or sandbox.phase is Phase.ADDED:
            return
        call = delete_call(sandbox)
        if is_gone(call.netns):
            call = dataclasses.replace(call, netns="")
        names = functools.partial(self._names_at, call.netns)
        await self._detach(sandbox, call, shim, deadline=_SETTLING_SECONDS, link_names=names)

    async def _rebuilt(self, call: CniRequest, shim: Shim, error: DecodeError) -> Sandbox:
        """What an entry that cannot be read may have held: what the pod asks for now, and the leases that name its sandbox."""
        problem = (
            f"the ledger's entry of sandbox {call.container_id} cannot be read ({error.message}); its DEL goes by "
            "what the pod asks for now and by the leases that name it"
        )
        if call.pod is not None:
            self._events.failed(call.pod, call_outcome.for_pod(call, problem))
        leased = [attachment.of_lease(*each) for each in await self._ledger.leases(call.container_id)]
        outcome = await carry_out(plan.delete(leased), self._executors(call, shim, self._plugin_deadline))
        if outcome.failures:
            raise call_outcome.failure(call, Verb.DEL, leased, outcome.failures)
        try:
            attachments = await self._pod_networks.attachments(call)
        except NetattachError:
            attachments = (attachment.of_default_network(call, self._networks.primary()),)
        return Sandbox(call.container_id, call.netns, call.pod, Phase.DELETING, attachments)

    async def check(self, call: CniRequest, shim: Shim) -> None:
        """Asks every plugin whether its part still stands. Raises NetattachError."""
        sandbox = await self._ledger.load(call.container_id) or await self._made_by_others(call)
        if sandbox.phase is not Phase.ADDED or not any(each.result for each in sandbox.attachments):
            raise NotFoundError(f"sandbox {call.container_id} has no finished ADD")
        outcome = await carry_out(
            plan.check(sandbox.attachments), self._executors(call, shim, self._plugin_deadline)
        )
        if outcome.failures:
            raise call_outcome.failure(call, Verb.CHECK, sandbox.attachments, outcome.failures)

    async def _made_by_others(self, call: CniRequest) -> Sandbox:
        """Before us, or by a runtime that has forgotten it. Where nobody noted the default network, it is today's."""
        try:
            found = await self._foreign.attachments(call)
        except NetattachError as error:
            error.message = call_outcome.for_pod(call, error.message)
            raise
        if not any(each.default for each in found):
            found = (attachment.of_default_network(call, self._networks.primary()), *found)
        return Sandbox(call.container_id, call.netns, call.pod, Phase.ADDED, found)

    async def _undo_what_an_earlier_call_left(self, call: CniRequest, shim: Shim) -> None:
        """An unfinished ADD was reported as failed, so it is undone and never finished."""
        left = await self._ledger.load(call.container_id)
        if left is None:
            return
        if left.phase is Phase.ADDED:
            raise NetattachError(
                f"sandbox {call.container_id} is attached already; the runtime has to call DEL first"
            )
        await self._detach(left, call, shim)

    async def _undo_what_nobody_heard_of(self, call: CniRequest, shim: Shim) -> None:
        """The runtime gave up when all was attached already, while the status was written."""
        attached = await self._ledger.load(call.container_id)
        if attached is not None:
            await self._detach(attached, call, shim)
        raise TryAgainError(call_outcome.for_pod(call, "the runtime gave up when the networks were attached"))

    async def _act(
        self, call: CniRequest, attachments: Sequence[Attachment], shim: Shim, links: PodLinks
    ) -> Told:
        """The ledger first, then the plan; after a failure, in an answer too, all that was begun is undone in reverse."""
        sandbox = Sandbox(call.container_id, call.netns, call.pod, Phase.ADDING, tuple(attachments))
        async with self.node.beginning(sandbox):
            await self._save(sandbox)
        await self._prepare_device_files(sandbox, call, shim)
        deadline = min(self._plugin_deadline, max(1.0, shim.seconds_left()))
        outcome = await carry_out(
            plan.add(attachments),
            self._executors(call, shim, deadline),
            cancelled=lambda: shim.cancelled,
            links=links,
        )
        attached = tuple(outcome.with_results(attachments))
        try:
            if outcome.failures:
                raise call_outcome.failure(call, Verb.ADD, attachments, outcome.failures)
            if shim.cancelled:
                raise TryAgainError(
                    call_outcome.for_pod(call, "the runtime gave up while the networks were attached")
                )
            settled = await default_routes.settle(call, attached, links)
            attached = settled.attachments
            told = call_outcome.told(call, attached, self._device_files.told(attached), settled.in_force)
            await self._save(
                dataclasses.replace(sandbox, phase=Phase.ADDED, attachments=attached, status=told.status)
            )
        except NetattachError as error:
            await self._undo(
                dataclasses.replace(sandbox, attachments=attached), outcome.begun, error, call, shim
            )
            raise
        return told

    async def _prepare_device_files(self, sandbox: Sandbox, call: CniRequest, shim: Shim) -> None:
        try:
            self._device_files.prepare(sandbox.attachments)
        except NetattachError as error:
            error.message = call_outcome.for_pod(call, error.message)
            await self._undo(sandbox, (), error, call, shim)
            raise

    async def _undo(
        self, sandbox: Sandbox, begun: Collection[str], error: NetattachError, call: CniRequest, shim: Shim
    ) -> None:
        """What cannot be undone stays in the ledger for the DEL that follows; the error to be reported says so."""
        try:
            await self._detach(sandbox, call, shim, begun)
        except NetattachError as undo_error:
            error.details = "\n".join(filter(None, (error.details, f"not undone yet: {undo_error.message}")))

    async def _detach(
        self,
        sandbox: Sandbox,
        call: CniRequest,
        shim: Shim,
        begun: Collection[str] | None = None,
        deadline: float | None = None,
        link_names: LinkNames | None = None,
    ) -> None:
        """DEL of all attachments, or of the steps `begun` where these are known.

        What fails stays in the ledger, the rest leaves it. Raises NetattachError.
        """
        plugins = PluginExecutor(shim, call, deadline or self._plugin_deadline)
        executors = {
            Carrier.PLUGIN: DelFallback(plugins, link_names or functools.partial(self._names_in, shim.netns))
        }
        decided = plan.delete(sandbox.attachments, begun)
        outcome = await carry_out(decided, executors)
        failures = [*outcome.failures, *await self._unfreed(sandbox, decided, outcome)]
        failed = {step.ifname for step, _ in failures}
        left = tuple(each for each in sandbox.attachments if each.ifname in failed)
        self._device_files.remove(each for each in sandbox.attachments if each not in left)
        if not left:
            await self._forget(call)
            await self._foreign.forget(sandbox)
            return
        with contextlib.suppress(NetattachError):  # the entry as it was frees as much
            await self._save(dataclasses.replace(sandbox, phase=Phase.DELETING, attachments=left))
            await self._foreign.forget(sandbox)
        raise call_outcome.failure(call, Verb.DEL, sandbox.attachments, failures)

    async def _unfreed(
        self, sandbox: Sandbox, decided: Plan, outcome: Outcome
    ) -> Sequence[tuple[Step, NetattachError]]:
        """host-local says that it has freed an address, though the disk did not let it."""
        failed = {step.ifname for step, _ in outcome.failures}
        last = {step.ifname: step for step in decided.steps if step.ifname not in failed}
        found = []
        for each in sandbox.attachments:
            if each.ifname in last:
                held = await self._ledger.still_leased(sandbox.container_id, attachment.host_local_leases(each))
                found += [(last[each.ifname], _not_freed(*lease)) for lease in held]
        return found

    async def _save(self, sandbox: Sandbox) -> None:
        try:
            await self._ledger.save(sandbox)
        except OSError as error:
            raise NetattachError(
                f"the ledger cannot be written: {error}; make room or fix the disk"
            ) from error

    async def _forget(self, call: CniRequest) -> None:
        """An entry that stays would be told as a success, and be a sandbox for ever."""
        try:
            await self._ledger.remove(call.container_id)
        except OSError as error:
            problem = f"all is detached, but the ledger's entry cannot be removed: {error}; fix the disk"
            raise NetattachError(call_outcome.for_pod(call, problem)) from error

    async def _publish(self, ref: PodRef | None, told: Told, *, plain: bool) -> None:
        """network-status: awaited for a pod that asked for networks, off the pod's path for a plain one."""
        if ref is None:
            return
        if plain:
            self._status.deliver_later(ref, told.status)
            return
        self._events.added(ref, told.added)
        await self._status.deliver(ref, told.status)

    async def _names_at(self, netns: str) -> frozenset[str]:
        """Raises OSError where the path is not there for us."""
        if not netns:
            return frozenset()
        descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return await self._names_in(descriptor)
        finally:
            os.close(descriptor)

    async def _names_in(self, netns: int | None) -> frozenset[str]:
        """Where the shim could not open its runtime's path, there is no namespace. Raises OSError."""
        if netns is None:
            return frozenset()
        async with self._links.open(netns) as links:
            return await links.names()

    def _executors(self, call: CniRequest, shim: Shim, deadline: float) -> Executors:
        return {Carrier.PLUGIN: PluginExecutor(shim, call, deadline)}


def _not_freed(network: str, address: str) -> NetattachError:
    problem = f"host-local still has {address} in its store of {network}, though its DEL succeeded"
    return NetattachError(f"{problem}; see whether the disk is read-only")


def _refuse_taken_names(call: CniRequest, attachments: Sequence[Attachment], taken: frozenset[str]) -> None:
    """Before any plugin is asked: its DEL, which has to follow a failed ADD, would remove the other's interface (C20)."""
    for each in attachments:
        if each.ifname in taken:
            problem = f"network {each.network}: the pod has an interface {each.ifname!r} already; ask for another name"
            raise NetattachError(call_outcome.for_pod(call, problem))
