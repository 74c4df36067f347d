"""Carries out a plan: each step in its turn, independent ones at once, and says what became of each.

Nothing that runs is cut off here. A plugin that is stopped half-way leaves what no DEL finds, so after a failure the others
come to their end (the shim ends them when the runtime gives up), and only what has not begun is not begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from netattach_core.attach.attachment import Attachment, with_result
from netattach_core.attach.plan import Plan, Step
from netattach_core.errors import NetattachError, NotRunError
from netattach_plugin.ports import Executors, PodLinks


@dataclass(slots=True)
class Outcome:
    """What became of a plan: results by step, failures in the order in which they came, and the steps that were begun."""

    results: dict[str, str] = field(default_factory=dict)
    failures: list[tuple[Step, NetattachError]] = field(default_factory=list)
    begun: set[str] = field(default_factory=set)

    def with_results(self, attachments: Sequence[Attachment]) -> Iterable[Attachment]:
        """The attachments, each with its last plugin's result where that has one."""
        for each in attachments:
            last = f"{each.ifname}/{len(each.conf.plugins) - 1}"
            yield with_result(each, self.results.get(last, ""))


async def carry_out(
    plan: Plan,
    executors: Executors,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    links: PodLinks | None = None,
) -> Outcome:
    """Runs the plan to its end. Failures are in the outcome; `cancelled` true means: begin nothing more."""
    act = _Act(plan, executors, cancelled, links)
    async with asyncio.TaskGroup() as tasks:
        for step in plan.steps:
            tasks.create_task(act.step(step), name=step.id)
    return act.outcome


class _Act:
    """The state of one plan that is being carried out."""

    def __init__(
        self, plan: Plan, executors: Executors, cancelled: Callable[[], bool], links: PodLinks | None
    ) -> None:
        self.outcome = Outcome()
        self._plan = plan
        self._executors = executors
        self._cancelled = cancelled
        self._links = links
        self._steps = {step.id: step for step in plan.steps}
        self._ended = {step.id: asyncio.Event() for step in plan.steps}

    async def step(self, step: Step) -> None:
        try:
            await self._turn(step)
            if self._may_begin(step):
                self.outcome.begun.add(step.id)
                self.outcome.results[step.id] = await self._execute(step)
        except NetattachError as error:
            self.outcome.failures.append((step, error))
            if isinstance(error, NotRunError):
                self.outcome.begun.discard(step.id)
        except Exception as error:  # noqa: BLE001  # a defect in one step must cut off no other, and be undone as a failure is
            self.outcome.failures.append((step, NetattachError(f"a defect in netattach: {error!r}")))
        finally:
            self._ended[step.id].set()

    async def _turn(self, step: Step) -> None:
        for other in (*step.needs, *step.after):
            await self._ended[other].wait()
        for other in step.after_links:
            await self._link_of(other)

    def _may_begin(self, step: Step) -> bool:
        if self._plan.halt and (self.outcome.failures or self._cancelled()):
            return False
        return all(other in self.outcome.results for other in step.needs)

    async def _execute(self, step: Step) -> str:
        previous = self.outcome.results[step.previous] if step.previous else None
        return await self._executors[step.carrier].execute(self._plan.verb, step, previous)

    async def _link_of(self, other: str) -> None:
        """Waits until the other step's interface stands in the pod, or the step has ended without one."""
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
