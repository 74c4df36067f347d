"""The webhooks' process: settings, wiring, and what ends it."""

from __future__ import annotations

import asyncio
import logging
import sys

from netattach_core.version import VERSION
from netattach_kube import api, health, program
from netattach_kube.api import Api
from netattach_kube.metrics_server import MetricsServer
from netattach_webhooks import settings as webhook_settings
from netattach_webhooks.app import WebhookServer
from netattach_webhooks.client_ca import ClientCa
from netattach_webhooks.cluster_cache import ClusterCache
from netattach_webhooks.metrics import Metrics
from netattach_webhooks.settings import Settings
from netattach_webhooks.tls import Certificate

_log = logging.getLogger(__name__)


_GC_THRESHOLDS = (10_000, 20, 50)
"""A validation creates some thousand objects, and no cycles."""


def main() -> int:
    """Runs until SIGTERM or SIGINT."""
    return program.main("netattach-webhooks", webhook_settings.from_environment, _serve)


async def _serve(settings: Settings, stop: asyncio.Event) -> int:
    async with api.connected("netattach-webhooks", VERSION, settings.kubeconfig) as server:
        program.reduce_pauses(_GC_THRESHOLDS)
        return await Program(server, settings).run(stop)


class Program:
    """One process. `port` and `health_port` are the ports it listens on, 0 before it does."""

    def __init__(self, server: Api, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._metrics_server = MetricsServer(settings.metrics, settings.metrics_tls, self._metrics, server)
        self._cache = ClusterCache(server, self._metrics.forget_namespace)
        self._client_ca = (
            ClientCa(settings.client_ca, settings.names_of_clients(), self._metrics)
            if settings.client_ca
            else None
        )
        self._certificate = Certificate(
            server, settings.namespace, settings.tls_secret, self._metrics, client_ca=self._client_ca
        )
        self._webhooks = WebhookServer(
            self._cache,
            self._metrics,
            context=lambda: self._certificate.context,
            refusal=self._client_ca.refusal if self._client_ca else lambda _: None,
        )
        if self._client_ca:
            self._client_ca.changed = self._client_ca_changed
        self.port = self.health_port = 0

    async def run(self, stop: asyncio.Event) -> int:
        """Runs until `stop` is set; returns the exit status."""
        ready = (
            self._draining_problem,
            self._cache.problem,
            self._certificate.problem,
            self._listening_problem,
            *([self._client_ca.problem] if self._client_ca else []),
        )
        status = program.OK
        settings = self._settings
        served = health.served(
            settings.health, live=(), ready=ready, metrics=self._metrics, exposed=not settings.metrics
        )
        async with served as self.health_port:
            try:
                async with asyncio.TaskGroup() as tasks:
                    watches = [
                        tasks.create_task(self._cache.run(), name="cluster cache"),
                        tasks.create_task(self._certificate.run(), name="certificate"),
                        tasks.create_task(self._metrics_server.run(), name="metrics"),
                    ]
                    if self._client_ca:
                        watches.append(tasks.create_task(self._client_ca.run(), name="client CA"))
                    await self._serve(stop)
                    for watch in watches:
                        watch.cancel()
            except* Exception:  # noqa: BLE001  # whatever it is, the kubelet restarts the container
                _log.exception("internal error; exiting")
                status = program.FAILED
        return status

    async def _serve(self, stop: asyncio.Event) -> None:
        """Serves from the first certificate until `stop`, and then until connections are drained."""
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(event.wait()) for event in (self._certificate.loaded, stop)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
        if stop.is_set():
            return
        async with self._webhooks.serving(self._settings.listen) as self.port:
            await stop.wait()
            self._webhooks.draining = True
            await asyncio.sleep(self._settings.drain)

    def _client_ca_changed(self) -> None:
        """Open connections were accepted under the former CA."""
        self._certificate.renew()
        self._webhooks.close_connections()

    def _draining_problem(self) -> str | None:
        return "shutting down" if self._webhooks.draining else None

    def _listening_problem(self) -> str | None:
        return None if self.port else "not listening yet"


if __name__ == "__main__":
    sys.exit(main())
