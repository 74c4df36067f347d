"""kopf, in a thread with an event loop of its own: it watches kinds of objects, and passes on the events.

In our loop it would take over the signals, and at its end cancel every task that is not its own.

It has handlers of events only. With any other handler kopf writes on the objects: annotations for its progress and for the last
state that it has handled, and finalizers, which would remain after an uninstall and keep objects from being deleted.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import kopf

from netattach_core.api.objects import Body
from netattach_kube.resource import Resource
from netattach_operator import kopf_settings
from netattach_operator.kopf_session import Session, Sessions
from netattach_operator.kopf_settings import Login

Handler = Callable[[Body, bool], None]
"""Takes an object, and whether it has been deleted."""

_STOPS_WITHIN = 5.0
_PATIENCE = 1.0
"""Seconds until kopf's tasks are cancelled: during its discovery of the API, it would wait five seconds for them."""

_CANCEL_EVERY = 0.1
"""Seconds between cancellations: a watch of kopf can swallow one (`kopf/_cogs/clients/api.py: stream`)."""

_NOISY = "kopf._core.reactor.running"
"""Warns that signals are ignored in a thread, which is why it is in one."""


class KopfEndedError(Exception):
    """kopf has ended by itself, so that nothing is watched any more."""


class KopfWatches:
    """One kopf for all kinds that are added before it runs."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._handlers: list[tuple[Resource, Handler]] = []

    def add(self, resource: Resource, handler: Handler) -> None:
        """`handler` is called in the event loop of `run`, with each object at the start and after each change."""
        self._handlers.append((resource, handler))

    async def run(self) -> None:
        """Until it is cancelled. Raises KopfEndedError."""
        logging.getLogger("kopf").setLevel(logging.WARNING)
        logging.getLogger(_NOISY).setLevel(logging.ERROR)
        sessions = Sessions()
        thread = _KopfThread(self._registry(sessions), sessions)
        thread.start()
        try:
            await thread.ended.wait()
        finally:
            thread.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOPS_WITHIN):
                    await thread.ended.wait()
                    thread.join()
        raise KopfEndedError("kopf has ended by itself") from thread.error

    def _registry(self, sessions: Sessions) -> kopf.OperatorRegistry:
        """Without kopf's own logins, which would load the client library a second time."""
        registry, loop = kopf.OperatorRegistry(), asyncio.get_running_loop()

        @kopf.on.login(registry=registry)
        async def connect(settings: kopf.OperatorSettings, **_: Any) -> Session | None:
            credentials = self._login(settings)
            return await sessions.open(credentials) if credentials else None

        for resource, handler in self._handlers:
            passed_on = _passed_on(loop, handler)
            kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)(passed_on)
        return registry


def _passed_on(loop: asyncio.AbstractEventLoop, handler: Handler) -> Callable[..., Any]:
    async def event_handler(event: kopf.RawEvent, **_: Any) -> None:
        loop.call_soon_threadsafe(handler, dict(event["object"]), event["type"] == "DELETED")

    return event_handler


class _KopfThread:
    def __init__(self, registry: kopf.OperatorRegistry, sessions: Sessions) -> None:
        self._registry = registry
        self._sessions = sessions
        self._our_loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: Callable[[], None] = lambda: None
        self._stopped = threading.Event()
        self.ended = asyncio.Event()
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Soon after `ended` is set."""
        self._thread.join()

    def stop(self) -> None:
        """Once or more often, also before it has started and after it has ended."""
        self._stopped.set()
        if self._loop:
            with suppress(RuntimeError):  # it has ended, and its loop is closed
                self._loop.call_soon_threadsafe(self._end)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # raised in the thread that waits for `ended`
            self.error = error
        with suppress(RuntimeError):  # our loop is closed: nobody waits any more
            self._our_loop.call_soon_threadsafe(self.ended.set)

    async def _serve(self) -> None:
        try:
            await self._watch()
        finally:
            await self._sessions.close()

    async def _watch(self) -> None:
        loop, stop, ours = asyncio.get_running_loop(), asyncio.Event(), asyncio.current_task()

        def end() -> None:
            if not stop.is_set():
                stop.set()
                loop.call_later(_PATIENCE, cancel)

        def cancel() -> None:
            for task in asyncio.all_tasks(loop) - {ours}:
                task.cancel()
            loop.call_later(_CANCEL_EVERY, cancel)

        self._end, self._loop = end, loop
        if self._stopped.is_set():
            return
        tasks = await kopf.spawn_tasks(
            registry=self._registry,
            settings=kopf_settings.settings(),
            standalone=True,
            clusterwide=True,
            stop_flag=stop,
        )
        for task in tasks:  # the first one that ends ends all; another may wait for it for ever
            task.add_done_callback(lambda _: end())
        await kopf.run_tasks(tasks)
