"""kopf beside us, in a thread and an event loop of its own.

In ours it would take over the signals, and on its way out cancel every task that it does not know.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress

import kopf

_log = logging.getLogger(__name__)

_ENDS_WITHIN = 5.0
_PATIENCE = 1.0
"""Then it is cancelled: where it is still looking for the API, it would wait five seconds for what it has left running."""

_ALWAYS_SAID = "kopf._core.reactor.running"
"""Warns that signals are ignored in a thread, which is why it is in one."""


class KopfEndedError(Exception):
    """kopf has ended by itself: nobody watches any more."""


async def run(registry: kopf.OperatorRegistry, settings: kopf.OperatorSettings) -> None:
    """Until it is cancelled. Raises KopfEndedError."""
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger(_ALWAYS_SAID).setLevel(logging.ERROR)
    beside = _Beside(registry, settings)
    beside.start()
    try:
        await beside.ended.wait()
    finally:
        beside.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN):
                await beside.ended.wait()
                beside.join()
    raise KopfEndedError("kopf has ended by itself") from beside.error


class _Beside:
    def __init__(self, registry: kopf.OperatorRegistry, settings: kopf.OperatorSettings) -> None:
        self._registry = registry
        self._settings = settings
        self._ours = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._theirs: asyncio.AbstractEventLoop | None = None
        self._end: Callable[[], None] = lambda: None
        self._stopped = threading.Event()
        self.ended = asyncio.Event()
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """After it has ended: its last breath."""
        self._thread.join()

    def stop(self) -> None:
        """Once or more often, and whether it has begun or ended or not."""
        self._stopped.set()
        if self._theirs:
            with suppress(RuntimeError):  # it has ended, and its loop is closed
                self._theirs.call_soon_threadsafe(self._end)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # handed on to whoever waits
            self.error = error
        with suppress(RuntimeError):  # nobody waits any more
            self._ours.call_soon_threadsafe(self.ended.set)

    async def _serve(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with asyncio.timeout(None) as patience:

            def end() -> None:
                stop.set()
                with suppress(RuntimeError):  # it has just ended
                    patience.reschedule(loop.time() + _PATIENCE)

            self._end, self._theirs = end, loop
            if self._stopped.is_set():
                return
            tasks = await kopf.spawn_tasks(
                registry=self._registry,
                settings=self._settings,
                standalone=True,
                clusterwide=True,
                stop_flag=stop,
            )
            for task in (
                tasks
            ):  # the first that ends is the end of all, and one of the others may wait for it for ever
                task.add_done_callback(lambda _: end())
            await kopf.run_tasks(tasks)
