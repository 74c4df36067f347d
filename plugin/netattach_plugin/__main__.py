"""The daemon's program: reads the settings, then serves in a cluster or standalone."""

from __future__ import annotations

import asyncio
import sys

from netattach_kube import program
from netattach_plugin.settings import Settings, from_environment
from netattach_plugin.wiring import standalone


def main() -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 for settings that cannot be read and without a cluster."""
    return program.main("netattach-daemon", from_environment, _serve)


async def _serve(settings: Settings, stop: asyncio.Event) -> int:
    if settings.store is not None:
        await standalone.serve(settings, settings.store, stop)
        return program.OK
    from netattach_plugin.wiring import cluster  # noqa: PLC0415  # the client of Kubernetes takes a second and 25 MB

    await cluster.serve(settings, stop)
    return program.OK


if __name__ == "__main__":
    sys.exit(main())
