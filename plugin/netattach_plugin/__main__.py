"""The daemon: reads its settings and serves until it is stopped, in a cluster or on files."""

from __future__ import annotations

import asyncio
import sys

from netattach_kube import program
from netattach_plugin import settings
from netattach_plugin.settings import Settings
from netattach_plugin.wiring import standalone


def main() -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 for settings that cannot be read and without a cluster."""
    return program.main("netattach-daemon", settings.from_environment, _serve)


async def _serve(read: Settings, stop: asyncio.Event) -> int:
    if read.store is not None:
        await standalone.serve(read, read.store, stop)
        return program.OK
    from netattach_plugin.wiring import cluster  # noqa: PLC0415  # the client of Kubernetes takes a second and 25 MB

    await cluster.serve(read, stop)
    return program.OK


if __name__ == "__main__":
    sys.exit(main())
