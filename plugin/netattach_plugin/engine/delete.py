"""DEL: by the ledger, never by the live NAD."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable

from netattach_core.attach import attachment, outcome, plan
from netattach_core.attach.plan import Verb
from netattach_core.attach.sandbox import Phase, Sandbox, delete_call
from netattach_core.errors import DecodeError, NetattachError
from netattach_kube import log_context
from netattach_plugin.call_ports import Shim
from netattach_plugin.engine import plan_executor
from netattach_plugin.engine.context import CallContext, pod_in_errors
from netattach_plugin.engine.detacher import Detacher
from netattach_plugin.engine.network_resolver import Resolver
from netattach_plugin.engine.plugin_runner import PluginRunner
from netattach_plugin.engine.unknown_sandbox import UnknownSandboxes
from netattach_plugin.netns import is_gone
from netattach_plugin.ports import Events, Leases, Ledger, NodeNetworks

_RETRY_SECONDS = 10.0
"""For each plugin of a DEL that is repeated in the time of another sandbox's call."""


class Delete:
    """The verb DEL, from the runtime or repeated by the daemon."""

    def __init__(  # noqa: PLR0913  # one collaborator each
        self,
        *,
        ledger: Ledger,
        leases: Leases,
        unknown: UnknownSandboxes,
        resolver: Resolver,
        networks: NodeNetworks,
        events: Events,
        detacher: Detacher,
        native_plugins: Callable[[], frozenset[str]],
    ) -> None:
        self._ledger = ledger
        self._leases = leases
        self._unknown = unknown
        self._resolver = resolver
        self._networks = networks
        self._events = events
        self._detacher = detacher
        self._native_plugins = native_plugins

    async def run(self, context: CallContext) -> None:
        """Detaches what the ledger has; of an unknown sandbox, what the caches have. Raises NetattachError."""
        request = context.request
        try:
            sandbox = await self._ledger.load(request.container_id)
        except DecodeError as error:
            sandbox = await self._rebuilt(context, error)
        context = context.for_entry(sandbox)
        if sandbox is None:
            sandbox = await self._unknown.load(request)
        elif sandbox.phase is Phase.ADDED:
            with contextlib.suppress(OSError):  # a full disk does not keep a pod from being deleted
                await self._ledger.save_without_sync(dataclasses.replace(sandbox, phase=Phase.DELETING))
        await self._detacher.detach(context, dataclasses.replace(sandbox, phase=Phase.DELETING))

    async def retry(self, container_id: str, shim: Shim) -> None:
        """Detaches a sandbox that is not attached, or only partly, over another one's shim. Raises NetattachError."""
        sandbox = await self._ledger.load(container_id)
        if sandbox is None or sandbox.phase is Phase.ADDED:
            return
        if sandbox.pod:
            log_context.add(pod=str(sandbox.pod))
        request = delete_call(sandbox)
        if is_gone(request.netns):
            request = dataclasses.replace(request, netns="")
        with pod_in_errors(request):
            context = CallContext(request, shim, _RETRY_SECONDS, native=self._native_plugins(), retried=True)
            await self._detacher.detach(context, sandbox)

    async def _rebuilt(self, context: CallContext, error: DecodeError) -> Sandbox:
        """What an unreadable entry may have held: the networks that the pod selects now, and the leases of its sandbox."""
        request = context.request
        if request.pod is not None:
            problem = (
                f"the ledger's entry of sandbox {request.container_id} cannot be read ({error.message}); its DEL goes by "
                "what the pod asks for now and by the leases that name it"
            )
            self._events.failed(request.pod, outcome.for_pod(request, problem))
        await self._free_leases(context)
        try:
            selected = await self._resolver.select(request)
            attachments = await self._resolver.attachments(request, selected)
        except NetattachError:
            attachments = (attachment.of_default_network(request, self._networks.default_network()),)
        return Sandbox(request.container_id, request.netns, request.pod, Phase.DELETING, attachments)

    async def _free_leases(self, context: CallContext) -> None:
        leases = await self._leases.of_sandbox(context.request.container_id)
        leased = [attachment.of_lease(*each) for each in leases]
        done = await plan_executor.execute(
            plan.delete(leased), plan_executor.executors(PluginRunner(context))
        )
        done.check(Verb.DEL, leased)
