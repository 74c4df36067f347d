"""Where the time of a call goes: by phase, and by network."""

from __future__ import annotations

import contextlib
import enum
import time
from collections.abc import Callable, Collection, Iterable, Iterator

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Carrier, Step, Verb
from netattach_plugin.ports import Timings


class Phase(enum.StrEnum):
    """The parts of a call. Programs and drivers of one call may run at the same time, so the sum may exceed the whole."""

    QUEUE = "queue"
    """Until it has a slot."""

    RESOLVE = "resolve"
    """Reading the pod, its networks and their policy."""

    PLAN = "plan"
    """Deciding what to run, and recording that in the ledger."""

    PLUGIN = "plugin"
    """While at least one plugin's program runs."""

    DRIVER = "driver"
    """While at least one native driver runs."""

    STATUS = "status"
    """Until network-status is written, or is left to the background."""


_OF_CARRIERS = {Carrier.PLUGIN: Phase.PLUGIN, Carrier.NATIVE: Phase.DRIVER}


class _NoTimings:
    """The port Timings where nobody reads them."""

    def phase(self, command: str, phase: str, seconds: float) -> None:
        """Does nothing."""

    def network(self, command: str, network: str, seconds: float, *, succeeded: bool) -> None:
        """Does nothing."""


NO_TIMINGS: Timings = _NoTimings()


class StepTimes:
    """When the steps of one plan run, in seconds of `clock`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.by_carrier: dict[Carrier, float] = {}
        """How long at least one step of the carrier ran."""

        self._clock = clock
        self._running: dict[Carrier, tuple[int, float]] = {}
        self._spans: dict[str, tuple[float, float]] = {}

    @property
    def by_interface(self) -> dict[str, float]:
        """From the start of an interface's first step to the end of its last one."""
        return {ifname: end - start for ifname, (start, end) in self._spans.items()}

    @contextlib.contextmanager
    def running(self, carrier: Carrier, ifnames: Iterable[str]) -> Iterator[None]:
        """While a step, or a batch of them, runs."""
        started = self._clock()
        count, since = self._running.get(carrier, (0, started))
        self._running[carrier] = (count + 1, since if count else started)
        try:
            yield
        finally:
            self._ended(carrier, ifnames, started)

    def _ended(self, carrier: Carrier, ifnames: Iterable[str], started: float) -> None:
        now = self._clock()
        count, since = self._running[carrier]
        self._running[carrier] = (count - 1, since)
        if count == 1:
            self.by_carrier[carrier] = self.by_carrier.get(carrier, 0.0) + now - since
        for ifname in ifnames:
            first = self._spans.get(ifname, (started, now))[0]
            self._spans[ifname] = (min(first, started), now)


class Stopwatch:
    """The phases of one call, one after the other: each lasts from the end of the one before it."""

    def __init__(self, timings: Timings, command: Verb, clock: Callable[[], float] = time.monotonic) -> None:
        self._timings = timings
        self._command = command
        self._clock = clock
        self._since = clock()

    def restart(self) -> None:
        """What came since the last phase is part of none."""
        self._since = self._clock()

    def ended(self, phase: Phase) -> None:
        now = self._clock()
        self._timings.phase(self._command, phase, now - self._since)
        self._since = now


def report(
    timings: Timings,
    verb: Verb,
    attachments: Iterable[Attachment],
    times: StepTimes,
    failures: Collection[tuple[Step, Exception]],
) -> None:
    """Reports what a plan has taken; a network none of whose steps was started is not reported."""
    for carrier, seconds in times.by_carrier.items():
        if carrier in _OF_CARRIERS:
            timings.phase(verb, _OF_CARRIERS[carrier], seconds)
    failed = {step.ifname for step, _ in failures}
    took = times.by_interface
    for each in attachments:
        if each.ifname in took:
            timings.network(verb, each.network, took[each.ifname], succeeded=each.ifname not in failed)
