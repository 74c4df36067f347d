"""What all programs share: log format, signals, and the exit statuses of a program that cannot start."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from netattach_core.errors import ConfigError
from netattach_kube.exit_status import FAILED, MISUSED, OK

__all__ = ["FAILED", "MISUSED", "OK", "main"]

T = TypeVar("T")


def main(
    name: str, load: Callable[[], T], serve: Callable[[T, asyncio.Event], Coroutine[Any, Any, int]]
) -> int:
    """Runs `serve` with what `load` returns until SIGTERM or SIGINT sets the event; the exit status.

    Where `load` raises ValueError, or either raises ConfigError, the message goes to standard error and the status is MISUSED.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        loaded = load()
    except (ValueError, ConfigError) as error:
        return _misused(name, error)
    try:
        return asyncio.run(_serve(loaded, serve))
    except ConfigError as error:
        return _misused(name, error)


async def _serve(loaded: T, serve: Callable[[T, asyncio.Event], Coroutine[Any, Any, int]]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await serve(loaded, stop)


def _misused(name: str, error: Exception) -> int:
    print(f"{name}: {error}", file=sys.stderr)  # noqa: T201  # before there is anything to log
    return MISUSED
