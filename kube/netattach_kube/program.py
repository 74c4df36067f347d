"""What all programs share: their log, signals, and the exit statuses of a program that cannot start."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from netattach_core.errors import ConfigError
from netattach_kube import logs, settings
from netattach_kube.exit_status import FAILED, MISUSED, OK

__all__ = ["FAILED", "MISUSED", "OK", "main", "reduce_pauses"]

T = TypeVar("T")

_SWITCH_INTERVAL = 0.0005
"""Seconds after which a busy thread lets other threads run; Python's default is ten times as long."""


def main(
    name: str, load: Callable[[], T], serve: Callable[[T, asyncio.Event], Coroutine[Any, Any, int]]
) -> int:
    """Runs `serve` with what `load` returns until SIGTERM or SIGINT sets the event; the exit status.

    Where `load` raises ValueError, or either raises ConfigError, the message is logged and the status is MISUSED.
    """
    log = logging.getLogger(name)
    with logs.handled() as handler:
        try:
            loaded = _loaded(load, handler)
            return asyncio.run(_serve(loaded, serve))
        except ConfigError as error:
            log.error("%s", error)  # noqa: TRY400  # no internal error, so without a traceback
            return MISUSED
        except Exception:  # it would be printed in another format than all other lines
            log.critical("internal error; exiting", exc_info=True)
            return FAILED


def _loaded(load: Callable[[], T], handler: logging.Handler) -> T:
    """Raises ConfigError."""
    try:
        logs.configure(handler, settings.from_environment())
        return load()
    except ValueError as error:
        raise ConfigError(str(error)) from error


def reduce_pauses(gc_thresholds: tuple[int, int, int]) -> None:
    """No answer waits for a garbage collection of all imported modules, which takes 30 to 50 ms, nor long for another thread.

    `gc_thresholds` are those of `gc.set_threshold`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc_thresholds)
    sys.setswitchinterval(_SWITCH_INTERVAL)


async def _serve(loaded: T, serve: Callable[[T, asyncio.Event], Coroutine[Any, Any, int]]) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await serve(loaded, stop)
