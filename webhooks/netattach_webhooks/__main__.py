"""The webhooks: settings, what is watched, what is served, and what ends the process."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from importlib.metadata import version

from netattach_kube import api, health, program
from netattach_kube.api import Api
from netattach_webhooks import settings
from netattach_webhooks.app import Webhooks
from netattach_webhooks.lookup import Lookup
from netattach_webhooks.metrics import Metrics
from netattach_webhooks.settings import Settings
from netattach_webhooks.tls import Certificate

_log = logging.getLogger(__name__)

_GARBAGE = (10_000, 20, 50)
"""New objects before the collector looks through the youngest, and so on; a validation makes some thousands, and no cycles."""

_TURN = 0.0005
"""Seconds after which a thread that validators lets the others go on; by default it is ten times as much."""


def main() -> int:
    """Runs until SIGTERM or SIGINT."""
    return program.main("netattach-webhooks", settings.from_environment, _serve)


async def _serve(read: Settings, stop: asyncio.Event) -> int:
    async with api.connected("netattach-webhooks", version("netattach"), read.kubeconfig) as server:
        _answer_evenly()
        return await Program(server, read).run(stop)


def _answer_evenly() -> None:
    """No answer waits for the collector to look through all that was imported, which takes 50 ms, nor for a long validation."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    sys.setswitchinterval(_TURN)


class Program:
    """One process. `port` and `health_port` are those that are listened at, 0 before."""

    def __init__(self, server: Api, read: Settings) -> None:
        self._settings = read
        self._metrics = Metrics()
        self._lookup = Lookup(server)
        self._certificate = Certificate(server, read.namespace, read.tls_secret, self._metrics)
        self._webhooks = Webhooks(self._lookup, self._metrics)
        self.port = self.health_port = 0

    async def run(self, stop: asyncio.Event) -> int:
        ready = (self._leaving, self._lookup.problem, self._certificate.problem, self._listening)
        status = program.OK
        served = health.served(self._settings.health, live=(), ready=ready, metrics=self._metrics.registry)
        async with served as self.health_port:
            try:
                async with asyncio.TaskGroup() as tasks:
                    watches = [
                        tasks.create_task(self._lookup.run(), name="lookup"),
                        tasks.create_task(self._certificate.run(), name="certificate"),
                    ]
                    await self._serve(stop)
                    for watch in watches:
                        watch.cancel()
            except* Exception:  # noqa: BLE001  # whatever it is, the pod is started anew
                _log.exception("the webhooks end")
                status = program.FAILED
        return status

    async def _serve(self, stop: asyncio.Event) -> None:
        """From the first certificate until `stop`, and a little longer."""
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(event.wait()) for event in (self._certificate.loaded, stop)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
        if stop.is_set():
            return
        async with self._webhooks.served(self._settings.listen, self._certificate.context) as self.port:
            await stop.wait()
            self._webhooks.draining = True
            await asyncio.sleep(self._settings.drain)

    def _leaving(self) -> str | None:
        return "on its way out" if self._webhooks.draining else None

    def _listening(self) -> str | None:
        return None if self.port else "not listening yet"


if __name__ == "__main__":
    sys.exit(main())
