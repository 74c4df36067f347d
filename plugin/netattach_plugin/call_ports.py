"""What executes a call, as Protocols: the runtime's shim, and executors of the steps of a plan."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from netattach_core.attach.plan import Carrier, Step, Verb
from netattach_core.errors import NetattachError
from netattach_core.shim.protocol import Ran, Sysctl


class Caller(Protocol):
    """The runtime that has called."""

    @property
    def cancellation(self) -> asyncio.Event:
        """Set when the runtime cancels the call, or its shim is gone."""

    def seconds_left(self) -> float:
        """Until the call's deadline; below 0 after it."""


class Shim(Caller, Protocol):
    """The process that the runtime started and that runs plugins for the daemon."""

    @property
    def netns(self) -> int | None:
        """A descriptor of the pod's network namespace, None where the runtime gave none."""

    @property
    def route_sockets(self) -> Sequence[int]:
        """Descriptors of two route sockets in that namespace, for links and for routes; none where the shim passed none."""

    @property
    def cancelled(self) -> bool:
        """Whether the call is cancelled; all its plugins have ended then."""

    async def run(self, plugin: str, stdin: bytes, environment: Mapping[str, str], deadline: float) -> Ran:
        """Runs a plugin for `deadline` seconds at most. Raises TryAgainError where the shim is gone."""

    @property
    def writes_sysctls(self) -> bool:
        """Whether the shim writes sysctls and has passed `route_sockets`: all that native links need of it."""

    async def write_sysctls(self, sysctls: Sequence[Sysctl]) -> Sequence[int]:
        """Writes them in order, below net/ and nothing else; several may be asked for at once, also while plugins run.

        Returns an errno for each, 0 where it was written: EINVAL also for a path or value that the shim refuses, ENOENT also
        where the pod has no namespace. Raises TryAgainError where the shim is gone or cannot write any.
        """


class Executor(Protocol):
    """Executes the steps of one carrier."""

    async def execute(self, verb: Verb, step: Step, previous: str | None) -> str:
        """The step's result as text, "" where it has none. Raises NetattachError."""


Executors = Mapping[Carrier, Executor]


@dataclass(slots=True)
class StepOutcomes:
    """Results by step, failures in the order in which they came, and the ids of the steps that were started."""

    results: dict[str, str] = field(default_factory=dict)
    failures: list[tuple[Step, NetattachError]] = field(default_factory=list)
    started: set[str] = field(default_factory=set)


class BatchExecutor(Protocol):
    """Executes native steps, several in one go."""

    async def execute(self, verb: Verb, steps: Sequence[Step]) -> StepOutcomes:
        """Raises nothing but what is an internal error."""
