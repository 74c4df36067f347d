"""Waits until what a driver has created is ready (`plugins/main/bridge/bridge.go: cmdAdd`).

The kernel reports a port as operational a moment after both of its ends are up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from netattach_core.cni.result import Interface
from netattach_core.native.failure import failure
from netattach_plugin.native_ports import Created

_Interfaces = tuple[Interface, ...]

_LONGEST = 2.55
"""Seconds, as in the reference plugin."""
_LONGEST_TO_SETTLE = 0.5
"""Seconds."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05


async def settled(is_settled: Callable[[], Awaitable[bool]]) -> None:
    """Returns when it is, or after half a second."""
    deadline, pause = time.monotonic() + _LONGEST_TO_SETTLE, _SHORTEST_PAUSE
    while not await is_settled() and time.monotonic() < deadline:
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def interfaces(
    created: Created,
    in_thread: Callable[[Callable[[], _Interfaces | None]], Awaitable[_Interfaces | None]],
) -> _Interfaces:
    """Those of the result. Raises DelegateError if they are not ready in time."""
    if created.on_node is None:
        return created.interfaces
    deadline, pause = time.monotonic() + _LONGEST, _SHORTEST_PAUSE
    while True:
        found = await in_thread(created.on_node.interfaces)
        if found is not None:
            return found
        if time.monotonic() > deadline:
            names = " and ".join(each.name for each in created.interfaces)
            problem = f"the port is not operational after {_LONGEST:g} seconds"
            raise failure(
                created.plugin, f"bridge port in error state: {problem}; see why {names} are not up"
            )
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
