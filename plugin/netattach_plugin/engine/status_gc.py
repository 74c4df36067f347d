"""STATUS and GC: the verbs that concern the node and no single pod."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from netattach_core.attach import attachment, plan
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Carrier, Plan
from netattach_core.attach.sandbox import Sandbox
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DecodeError, DelegateError, NetattachError, NotReadyError, TryAgainError
from netattach_plugin.engine.plan_executor import Outcome, carry_out
from netattach_plugin.engine.plugin_runner import PluginExecutor
from netattach_plugin.ports import Ledger, NodeNetworks, Shim

_SECONDS = 15.0
"""For each plugin: a kubelet waits for STATUS, and pods wait for GC."""


class StatusAndGc:
    """Knows, beside the ledger, which ADDs are about to be in it: a GC that began before must not take them for dead."""

    def __init__(self, ledger: Ledger, networks: NodeNetworks) -> None:
        self._ledger = ledger
        self._networks = networks
        self._beginning: dict[str, Sandbox] = {}
        self._collecting = asyncio.Lock()
        self._none_collects = asyncio.Event()
        self._none_collects.set()

    @contextlib.asynccontextmanager
    async def beginning(self, sandbox: Sandbox) -> AsyncIterator[None]:
        """While an ADD's entry is written; waits for a GC that is under way (C42)."""
        while not self._none_collects.is_set():  # another may begin before we are woken
            await self._none_collects.wait()
        self._beginning[sandbox.container_id] = sandbox
        try:
            yield
        finally:
            del self._beginning[sandbox.container_id]

    async def status(self, call: CniRequest, shim: Shim) -> None:
        """Whether pods can be attached: there is a default network, and its plugins say so. Raises NotReadyError."""
        try:
            default = attachment.primary(call, self._networks.primary())
        except TryAgainError as missing:
            raise NotReadyError(missing.message) from missing
        outcome = await _carried_out(plan.status(default), call, shim)
        for step, error in outcome.failures:
            code = error.delegate_code if isinstance(error, DelegateError) else 0
            problem = f"the default network {default.network} is not ready: {error.message}"
            raise NotReadyError(
                problem, details=f"{step.plugin}: {error.details}", code=code or NotReadyError.code
            )

    async def collect(self, call: CniRequest, shim: Shim) -> None:
        """GC of all networks, by what the ledger has and the runtime lists; never of what may be alive. Raises NetattachError."""
        async with self._collecting:
            self._none_collects.clear()
            try:
                default = attachment.primary(call, self._networks.primary())
                outcome = await _carried_out(
                    plan.collect(default, call.valid_attachments, await self._alive()), call, shim
                )
            finally:
                self._none_collects.set()
        if outcome.failures:
            said = (
                f"GC of network {step.id.rpartition('/')[0]}: {error.message}"
                for step, error in outcome.failures
            )
            raise DelegateError("; ".join(said))

    async def _alive(self) -> list[tuple[str, Attachment]]:
        """Also what is being undone: its own DEL frees it. An entry that cannot be read may be a pod that runs."""
        sandboxes = dict(self._beginning)
        for container_id in await self._ledger.container_ids():
            try:
                sandbox = await self._ledger.load(container_id)
            except DecodeError as error:
                problem = (
                    f"what sandbox {container_id} has cannot be read from the ledger, so nothing is collected"
                )
                raise NetattachError(f"{problem}: {error.message}") from error
            if sandbox is not None:
                sandboxes[container_id] = sandbox
        return [(key, each) for key, sandbox in sandboxes.items() for each in sandbox.attachments]


async def _carried_out(decided: Plan, call: CniRequest, shim: Shim) -> Outcome:
    return await carry_out(decided, {Carrier.PLUGIN: PluginExecutor(shim, call, _SECONDS)})
