"""What native steps do on the node once their pod's interfaces are configured, and the interfaces of their results."""

from __future__ import annotations

import os
from collections.abc import Sequence

from netattach_core.cni.result import Interface
from netattach_core.errors import NetattachError
from netattach_core.native.addressing import Addressing
from netattach_core.native.failure import failure
from netattach_plugin.call_ports import Shim
from netattach_plugin.native_ports import Created, NativeLinks, OnNode

Finished = Sequence[tuple[Interface, ...] | NetattachError]


async def finish(
    native: NativeLinks, shim: Shim, configured: Sequence[tuple[Created, Addressing | None]]
) -> Finished:
    """The interfaces of each result; the last value may be a failure."""
    made = [created for created, _ in configured]
    if not any(each.on_node for each in made):
        return [each.interfaces for each in made]
    done = await native.configure_node(configured)
    problem = await _write_sysctls(shim, made, done)
    if problem is not None:
        return problem
    if done[-1].failure is not None:
        return [*(each.interfaces for each in made[: len(done) - 1]), done[-1].failure]
    found = await native.interfaces(made)
    return [
        each if isinstance(each, NetattachError) else (*each, *more.interfaces)
        for each, more in zip(found, done, strict=False)
    ]


async def _write_sysctls(shim: Shim, made: Sequence[Created], done: Sequence[OnNode]) -> Finished | None:
    """None unless one that is required was not written."""
    wanted = [(number, each) for number, one in enumerate(done) for each in (*one.sysctls, *one.required)]
    if not wanted:
        return None
    errnos = await shim.write_sysctls([sysctl for _, sysctl in wanted])
    for (number, sysctl), errno in zip(wanted, errnos, strict=True):
        if errno and sysctl in done[number].required:
            reason = f"failed to enable forwarding: {sysctl.path}: {os.strerror(errno)}"
            return [*(each.interfaces for each in made[:number]), failure(made[number].plugin, reason)]
    return None
