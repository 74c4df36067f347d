"""Executes a plan: each step when those that it waits for are done, independent ones concurrently.

A running plugin is never stopped here, since it could leave what no DEL finds. After a failure the running ones finish (the shim
ends them when the runtime cancels the call), and no further step is started.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from netattach_core.attach import outcome
from netattach_core.attach.attachment import Attachment, with_result
from netattach_core.attach.plan import Carrier, Plan, Step, Verb
from netattach_core.errors import NetattachError, NotRunError
from netattach_plugin.call_ports import BatchExecutor, Executor, Executors, StepOutcomes
from netattach_plugin.engine.timings import StepTimes
from netattach_plugin.ports import PodLinks


@dataclass(slots=True)
class PlanOutcome(StepOutcomes):
    """The outcomes of all steps of a plan, and how long they took."""

    times: StepTimes = field(default_factory=StepTimes)

    def with_results(self, attachments: Sequence[Attachment]) -> Iterable[Attachment]:
        """The attachments, each with its last plugin's result where that has one."""
        for each in attachments:
            last = f"{each.ifname}/{len(each.config.plugins) - 1}"
            yield with_result(each, self.results.get(last, ""))

    def check(self, verb: Verb, attachments: Sequence[Attachment]) -> None:
        """Raises DelegateError where a step failed."""
        if self.failures:
            raise outcome.failure(verb, attachments, self.failures)


async def execute(
    plan: Plan,
    executors: Executors,
    *,
    native: BatchExecutor | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    links: PodLinks | None = None,
) -> PlanOutcome:
    """Runs the plan to its end, and raises nothing. Once `cancelled` is true, no further step is started.

    `native`: for a plan that has native steps.
    """
    execution = _Execution(plan, executors, native, cancelled, links)
    batches: dict[str, list[Step]] = {}
    async with asyncio.TaskGroup() as tasks:
        for step in plan.steps:
            if step.carrier is Carrier.NATIVE:
                batches.setdefault(step.batch, []).append(step)
            else:
                tasks.create_task(execution.step(step), name=step.id)
        for name, batch in batches.items():
            tasks.create_task(execution.batch(batch), name=name)
    return execution.outcome


class _Nothing:
    """The port Executor for plugins without anything to do: they pass the previous result on, as they would print it."""

    async def execute(self, verb: Verb, step: Step, previous: str | None) -> str:  # noqa: ARG002  # the port's signature
        return previous or ""


def executors(plugins: Executor) -> Executors:
    """What executes the steps of each carrier; `plugins` starts programs."""
    return {Carrier.PLUGIN: plugins, Carrier.NOTHING: _Nothing()}


class _Execution:
    """One plan while it is executed."""

    def __init__(
        self,
        plan: Plan,
        executors: Executors,
        native: BatchExecutor | None,
        cancelled: Callable[[], bool],
        links: PodLinks | None,
    ) -> None:
        self.outcome = PlanOutcome()
        self._plan = plan
        self._executors = executors
        self._native = native
        self._cancelled = cancelled
        self._links = links
        self._steps = {step.id: step for step in plan.steps}
        self._ended = {step.id: asyncio.Event() for step in plan.steps}

    async def step(self, step: Step) -> None:
        try:
            await self._wait_for_others(step)
            if self._may_start(step):
                self.outcome.started.add(step.id)
                self.outcome.results[step.id] = await self._execute(step)
        except NetattachError as error:
            self.outcome.failures.append((step, error))
            if isinstance(error, NotRunError):
                self.outcome.started.discard(step.id)
        except Exception as error:  # noqa: BLE001  # the other steps go on, and it is undone as any failure
            self.outcome.failures.append((step, NetattachError(f"internal error: {error!r}")))
        finally:
            self._ended[step.id].set()

    async def batch(self, steps: Sequence[Step]) -> None:
        """Native steps, in one go once none of them has to wait for any other than these."""
        ready: list[Step] = []
        try:
            own = {step.id for step in steps}
            for step in steps:
                await self._wait_for_others(step, except_for=own)
            for step in steps:
                if self._may_start(step, begun={each.id for each in ready}):
                    ready.append(step)
            if ready:
                self._take_over(await self._execute_natively(ready))
        except Exception as error:  # noqa: BLE001  # as above; nobody knows which of them were begun
            self.outcome.started.update(step.id for step in ready)
            self.outcome.failures.append((steps[0], NetattachError(f"internal error: {error!r}")))
        finally:
            for step in steps:
                self._ended[step.id].set()

    async def _execute_natively(self, steps: Sequence[Step]) -> StepOutcomes:
        if self._native is None:
            raise LookupError("a plan with native steps needs an executor for them")
        with self.outcome.times.running(Carrier.NATIVE, [step.ifname for step in steps]):
            return await self._native.execute(self._plan.verb, steps)

    def _take_over(self, done: StepOutcomes) -> None:
        self.outcome.results.update(done.results)
        self.outcome.failures += done.failures
        self.outcome.started |= done.started

    async def _wait_for_others(self, step: Step, except_for: Collection[str] = ()) -> None:
        for other in (*step.needs, *step.after):
            if other not in except_for:
                await self._ended[other].wait()
        for other in step.after_links:
            await self._wait_for_link(other)

    def _may_start(self, step: Step, begun: Collection[str] = ()) -> bool:
        """`begun`: the steps before it in its batch."""
        if self._plan.halt and (self.outcome.failures or self._cancelled()):
            return False
        return all(other in self.outcome.results or other in begun for other in step.needs)

    async def _execute(self, step: Step) -> str:
        previous = self.outcome.results[step.previous] if step.previous else None
        with self.outcome.times.running(step.carrier, (step.ifname,)):
            return await self._executors[step.carrier].execute(self._plan.verb, step, previous)

    async def _wait_for_link(self, other: str) -> None:
        """Returns when the other step's interface is in the pod, or when the step has ended."""
        if self._links is None:
            return
        async with asyncio.TaskGroup() as tasks:
            waits = [
                tasks.create_task(self._links.appeared(self._steps[other].ifname)),
                tasks.create_task(self._ended[other].wait()),
            ]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
