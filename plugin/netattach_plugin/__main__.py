"""The daemon: settings are read, signals are caught, and it serves, in a cluster or on files."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from netattach_core.errors import ConfigError
from netattach_plugin import settings
from netattach_plugin.settings import Settings
from netattach_plugin.wiring import standalone


def main() -> int:
    """Runs until SIGTERM or SIGINT; 0 then, 2 for settings that cannot be read and without a cluster."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        read = settings.from_environment()
    except ValueError as error:
        print(f"netattach-daemon: {error}", file=sys.stderr)  # noqa: T201  # before there is anything to log
        return 2
    try:
        asyncio.run(_run(read))
    except ConfigError as error:
        print(f"netattach-daemon: {error}", file=sys.stderr)  # noqa: T201  # nothing has begun yet
        return 2
    return 0


async def _run(read: Settings) -> None:
    stop = _stop_on_signal()
    if read.store is not None:
        await standalone.serve(read, read.store, stop)
        return
    from netattach_plugin.wiring import cluster  # noqa: PLC0415  # the client of Kubernetes takes a second and 25 MB

    await cluster.serve(read, stop)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


if __name__ == "__main__":
    sys.exit(main())
