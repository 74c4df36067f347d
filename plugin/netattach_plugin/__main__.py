"""The daemon's program: reads the settings, then serves in a cluster or standalone."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

from netattach_kube import program
from netattach_plugin.settings import Settings, from_environment
from netattach_plugin.wiring import standalone

_DISK_THREADS = 6
"""For what waits for the disk. Python's default grows with the processors, to 32, and each thread keeps memory."""

_GC_THRESHOLDS = (700, 10, 100)
"""With many calls at once a collection of all objects would take longer than anything else in the event loop."""


def main() -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 for settings that cannot be read and without a cluster."""
    return program.main("netattach-daemon", from_environment, _serve)


async def _serve(settings: Settings, stop: asyncio.Event) -> int:
    threads = ThreadPoolExecutor(_DISK_THREADS, "disk")
    asyncio.get_running_loop().set_default_executor(threads)
    if settings.store is not None:
        await standalone.serve(settings, settings.store, stop)
        return program.OK
    from netattach_plugin.wiring import cluster  # noqa: PLC0415  # the client of Kubernetes takes a second and 25 MB

    program.reduce_pauses(_GC_THRESHOLDS)
    await cluster.serve(settings, stop)
    return program.OK


if __name__ == "__main__":
    sys.exit(main())
