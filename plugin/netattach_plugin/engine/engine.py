"""The engine: carries out one call of the runtime, or a DEL that the daemon repeats. Each verb has a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netattach_core.cni.request import CniRequest
from netattach_core.errors import NetattachError
from netattach_plugin.call_ports import Shim
from netattach_plugin.engine.add import Add
from netattach_plugin.engine.call_recorder import CallRecorder
from netattach_plugin.engine.check import Check
from netattach_plugin.engine.context import CallContext, pod_in_errors
from netattach_plugin.engine.delete import Delete
from netattach_plugin.engine.detacher import Detacher
from netattach_plugin.engine.gate import Gate
from netattach_plugin.engine.network_resolver import Resolver, selects_nothing
from netattach_plugin.engine.status_gc import StatusAndGc
from netattach_plugin.engine.timings import NO_TIMINGS
from netattach_plugin.engine.unknown_sandbox import UnknownSandboxes
from netattach_plugin.native_ports import AddressStore
from netattach_plugin.ports import (
    AttachmentCaches,
    DeviceFiles,
    Events,
    Leases,
    Ledger,
    Links,
    NodeNetworks,
    StatusSink,
    Timings,
)


class Engine:
    """Stateless between calls: what has to be remembered is in the ledger."""

    def __init__(  # noqa: PLR0913  # one port each
        self,
        *,
        resolver: Resolver,
        gates: Sequence[Gate] = (),
        ledger: Ledger,
        leases: Leases,
        caches: AttachmentCaches,
        networks: NodeNetworks,
        links: Links,
        status: StatusSink,
        events: Events,
        device_files: DeviceFiles,
        addresses: AddressStore,
        plugin_deadline: float,
        skip_idle_plugins: Callable[[], bool] = lambda: False,
        native_plugins: Callable[[], frozenset[str]] = frozenset,
        report_status: Callable[[int, str], None] = lambda *_: None,
        timings: Timings = NO_TIMINGS,
    ) -> None:
        """Seconds for each plugin; `report_status` gets STATUS' code (0: ready) and message. Functions are asked at each call."""
        detacher = Detacher(
            ledger=ledger,
            leases=leases,
            caches=caches,
            links=links,
            device_files=device_files,
            addresses=addresses,
            timings=timings,
        )
        unknown = UnknownSandboxes(caches, networks)
        self._status_gc = StatusAndGc(ledger, networks, report_status)
        self._add = Add(
            resolver=resolver,
            gates=gates,
            ledger=ledger,
            links=links,
            device_files=device_files,
            status=status,
            events=events,
            gc=self._status_gc,
            detacher=detacher,
            addresses=addresses,
        )
        self._delete = Delete(
            ledger=ledger,
            leases=leases,
            unknown=unknown,
            resolver=resolver,
            networks=networks,
            events=events,
            detacher=detacher,
            native_plugins=native_plugins,
        )
        self._check = Check(ledger, unknown, timings)
        self._events, self._timings = events, timings
        self._plugin_deadline = plugin_deadline
        self._skip_idle_plugins, self._native_plugins = skip_idle_plugins, native_plugins

    async def call(self, request: CniRequest, shim: Shim) -> str:
        """What the shim prints: the result of an ADD, "" for the other verbs. Raises NetattachError, which names the pod."""
        context = self._context(request, shim)
        try:
            with pod_in_errors(request):
                return await self._run(context)
        except NetattachError as error:
            if request.command == "ADD" and request.pod is not None and not selects_nothing(request):
                self._events.failed(request.pod, error.message, context.recorder.record(error.code))
            raise

    async def retry_delete(self, container_id: str, shim: Shim) -> None:
        """DEL of a sandbox that is in the ledger and not attached, over another one's shim. Raises NetattachError."""
        await self._delete.retry(container_id, shim)

    def _context(self, request: CniRequest, shim: Shim) -> CallContext:
        return CallContext(
            request,
            shim,
            self._plugin_deadline,
            skip_idle=self._skip_idle_plugins(),
            native=self._native_plugins(),
            recorder=CallRecorder(request.container_id, self._timings),
        )

    async def _run(self, context: CallContext) -> str:
        match context.request.command:
            case "ADD":
                return await self._add.run(context)
            case "DEL":
                await self._delete.run(context)
            case "CHECK":
                await self._check.run(context)
            case "STATUS":
                await self._status_gc.status(context)
            case "GC":
                await self._status_gc.collect(context)
        return ""
