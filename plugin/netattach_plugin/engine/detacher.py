"""Detaching a sandbox: DEL of its plugins, and what remains of its entry in the ledger."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Callable, Collection, Iterator, Sequence

from netattach_core.attach import attachment, outcome, plan
from netattach_core.attach.plan import Carrier, Plan, Step, Verb
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import NetattachError
from netattach_plugin.engine import ledger_entry, plan_executor, timings
from netattach_plugin.engine.context import CallContext
from netattach_plugin.engine.del_fallback import DelFallback
from netattach_plugin.engine.native_runner import NativeDelete
from netattach_plugin.engine.plan_executor import PlanOutcome
from netattach_plugin.engine.plugin_runner import PluginRunner
from netattach_plugin.native_ports import AddressStore
from netattach_plugin.netns import identity
from netattach_plugin.ports import AttachmentCaches, DeviceFiles, Leases, Ledger, Links, Timings

Failures = Sequence[tuple[Step, NetattachError]]


class Detacher:
    """For DEL, for the undo of an ADD, and for DELs that the daemon repeats."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        leases: Leases,
        caches: AttachmentCaches,
        links: Links,
        device_files: DeviceFiles,
        addresses: AddressStore,
        timings: Timings,
    ) -> None:
        self._timings = timings
        self._ledger = ledger
        self._leases = leases
        self._caches = caches
        self._links = links
        self._device_files = device_files
        self._addresses = addresses

    async def detach(
        self, context: CallContext, sandbox: Sandbox, started: Collection[str] | None = None
    ) -> None:
        """DEL of all attachments, or of the steps of the ADD that were `started` where these are known.

        Attachments that fail stay in the ledger, the others leave it. Raises NetattachError.
        """
        deletion = plan.delete(
            sandbox.attachments, started, skip_idle=context.skip_idle, native=context.native
        )
        failures = await self._delete(context, sandbox, deletion)
        failed = {step.ifname for step, _ in failures}
        remaining = tuple(each for each in sandbox.attachments if each.ifname in failed)
        self._device_files.remove(each for each in sandbox.attachments if each not in remaining)
        if not remaining:
            await ledger_entry.remove(self._ledger, sandbox.container_id)
            await self._caches.forget(sandbox)
            return
        with contextlib.suppress(NetattachError):  # the entry as it was frees as much
            left = dataclasses.replace(sandbox, phase=Phase.DELETING, attachments=remaining)
            await ledger_entry.save(self._ledger, left)
            await self._caches.forget(sandbox)
        raise outcome.failure(Verb.DEL, sandbox.attachments, failures)

    async def _delete(self, context: CallContext, sandbox: Sandbox, deletion: Plan) -> Failures:
        fallback = DelFallback(PluginRunner(context), functools.partial(self._link_names, context))
        native = NativeDelete(
            sandbox.container_id, functools.partial(self._delete_links, context, sandbox), self._addresses
        )
        done = await plan_executor.execute(deletion, plan_executor.executors(fallback), native=native)
        timings.report(self._timings, Verb.DEL, sandbox.attachments, done.times, done.failures)
        return [*done.failures, *await self._still_leased(sandbox, deletion, done)]

    async def _still_leased(self, sandbox: Sandbox, deletion: Plan, done: PlanOutcome) -> Failures:
        """The program of host-local ignores it where the disk does not let it free an address; a driver fails then."""
        skipped = {step.ifname for step, _ in done.failures}
        skipped |= {step.ifname for step in deletion.steps if step.carrier is Carrier.NATIVE}
        last = {step.ifname: step for step in deletion.steps if step.ifname not in skipped}
        found = []
        for each in sandbox.attachments:
            if each.ifname in last:
                leased = await self._leases.still_held(
                    sandbox.container_id, attachment.host_local_leases(each)
                )
                found += [(last[each.ifname], _not_freed(*lease)) for lease in leased]
        return found

    def _link_names(self, context: CallContext) -> frozenset[str]:
        """The links in the sandbox's namespace; none where that is gone. Raises OSError."""
        with _netns(context) as netns:
            return frozenset() if netns is None else self._links.names(netns)

    async def _delete_links(
        self, context: CallContext, sandbox: Sandbox, names: Sequence[str], first: Callable[[], None]
    ) -> None:
        """Not in another namespace that has got the path of the sandbox's. Raises OSError; `first` has been done then, too."""
        with contextlib.ExitStack() as opened:
            try:
                netns = opened.enter_context(_netns(context))
                is_ours = netns is not None and sandbox.netns_id in ("", identity(netns))
            except OSError:
                await self._links.delete(None, (), first)
                raise
            await self._links.delete(netns if is_ours else None, names, first)


@contextlib.contextmanager
def _netns(context: CallContext) -> Iterator[int | None]:
    """A descriptor of the sandbox's namespace, None where that is gone. Raises OSError."""
    if not context.retried or not context.request.netns:
        yield None if context.retried else context.shim.netns
        return
    descriptor = os.open(context.request.netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _not_freed(network: str, address: str) -> NetattachError:
    problem = f"host-local still has {address} in its store of {network}, though its DEL succeeded"
    return NetattachError(f"{problem}; see whether the disk is read-only")
