"""Waits for what other processes, threads and tasks do: for an outcome with a generous limit, never for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds that only a failure takes, also on a machine that is busy with other work."""

_PAUSE = 0.01


def eventually(holds: Callable[[], object], what: str = "it") -> None:
    """Returns once `holds` returns something true; fails after `PATIENCE`."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE:g} s"
        time.sleep(_PAUSE)


async def eventually_async(holds: Callable[[], object], what: str = "it") -> None:
    """The same in an event loop, whose other tasks go on meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE:g} s"
        await asyncio.sleep(_PAUSE)
