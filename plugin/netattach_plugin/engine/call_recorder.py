"""Records one ADD for the Event about it: its phases, its networks and the plugins that failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from netattach_core.api.call_record import LONGEST_NAME, CallRecord, FailedPlugin
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Step
from netattach_core.errors import DelegateError
from netattach_plugin.engine.timings import NO_TIMINGS
from netattach_plugin.ports import Timings


class CallRecorder:
    """The port Timings, which it passes everything on to."""

    def __init__(
        self,
        container: str = "",
        timings: Timings = NO_TIMINGS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._container = container
        self._timings = timings
        self._clock = clock
        self._started = clock()
        self._phases: dict[str, float] = {}
        self._networks: dict[str, float] = {}
        self._failures: list[FailedPlugin] = []

    def phase(self, command: str, phase: str, seconds: float) -> None:
        self._phases[str(phase)] = self._phases.get(str(phase), 0.0) + seconds * 1000
        self._timings.phase(command, phase, seconds)

    def network(self, command: str, network: str, seconds: float, *, succeeded: bool) -> None:
        self._networks[network] = self._networks.get(network, 0.0) + seconds * 1000
        self._timings.network(command, network, seconds, succeeded=succeeded)

    def failed(self, attachments: Iterable[Attachment], failures: Iterable[tuple[Step, Exception]]) -> None:
        """Steps of the call's plan."""
        networks = {each.ifname: each.network for each in attachments}
        for step, error in failures:
            code = error.delegate_code if isinstance(error, DelegateError) else 0
            plugin = step.plugin[:LONGEST_NAME]  # the Event may wait, and must not keep a long text for it
            self._failures.append(FailedPlugin(networks.get(step.ifname, ""), step.ifname, plugin, code))

    def record(self, code: int = 0) -> CallRecord:
        """What is recorded so far, for the Event; `code` is that of the CNI error, 0 where the call has succeeded."""
        took = (self._clock() - self._started) * 1000
        return CallRecord(
            self._container, code, took, {**self._phases}, {**self._networks}, tuple(self._failures)
        )
