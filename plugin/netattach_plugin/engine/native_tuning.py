"""Native steps that change what the drivers of a batch have created: sysctls in one frame, then the links."""

from __future__ import annotations

import os
from collections.abc import Sequence

from netattach_core.attach.plan import Step
from netattach_core.errors import NetattachError
from netattach_core.native import result
from netattach_core.native.failure import failure
from netattach_core.native.recipe import Tuning
from netattach_core.shim import sysctls
from netattach_plugin.call_ports import Shim, StepOutcomes
from netattach_plugin.native_ports import NativeLinks


async def tune(
    native: NativeLinks, shim: Shim, steps: Sequence[tuple[Step, Tuning]], outcomes: StepOutcomes
) -> None:
    """Adds the results of these steps, each from the one of the step before it, or the first failure."""
    failed = await _write_sysctls(shim, steps) or await _change_links(native, steps)
    if failed is not None:
        outcomes.failures.append(failed)
        return
    for step, wanted in steps:
        previous = outcomes.results[step.needs[0]]
        outcomes.results[step.id] = result.tuned(previous, wanted, step.cni_version, step.ifname)


_Failure = tuple[Step, NetattachError]


async def _write_sysctls(shim: Shim, steps: Sequence[tuple[Step, Tuning]]) -> _Failure | None:
    wanted = [(step, sysctl) for step, each in steps for sysctl in sysctls.tuned(each, step.ifname)]
    if not wanted:
        return None
    errnos = await shim.write_sysctls([sysctl for _, sysctl in wanted])
    for (step, sysctl), errno in zip(wanted, errnos, strict=True):
        if errno:
            problem = f"failed to set sysctl {sysctl.path} to {sysctl.value!r}: {os.strerror(errno)}"
            return step, failure(step.plugin, problem)
    return None


async def _change_links(native: NativeLinks, steps: Sequence[tuple[Step, Tuning]]) -> _Failure | None:
    wanted = [(step, each) for step, each in steps if each.changes_link]
    if not wanted:
        return None
    done = await native.tune([(step.ifname, each) for step, each in wanted])
    return (wanted[len(done) - 1][0], done[-1]) if isinstance(done[-1], NetattachError) else None
