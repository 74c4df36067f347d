"""The operator: settings, the Lease, and what ends the process."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence

from netattach_core.api.objects import Body
from netattach_core.version import VERSION
from netattach_kube import api, health, program
from netattach_kube.api import Api
from netattach_kube.lease import Lease
from netattach_kube.metrics_server import MetricsServer
from netattach_operator import crds, kopf_settings, settings
from netattach_operator.kopf_settings import Login
from netattach_operator.leader import Leader
from netattach_operator.metrics import Metrics
from netattach_operator.settings import Settings

_log = logging.getLogger(__name__)

NO_LEADER = 3
"""Exit status: another process holds the Lease now. The other statuses are those of all programs."""

_Loaded = tuple[Settings, Sequence[Body]]


def main() -> int:
    """Runs until SIGTERM or SIGINT, or until it does not lead any more: the container restarts then, with no state left."""
    return program.main("netattach-operator", _load, _serve)


def _load() -> _Loaded:
    loaded = settings.from_environment()
    return loaded, crds.read(loaded.crds)


async def _serve(loaded: _Loaded, stop: asyncio.Event) -> int:
    settings, wanted = loaded
    login = kopf_settings.login(settings)
    async with api.connected("netattach-operator", VERSION, settings.kubeconfig) as server:
        return await Operator(server, settings, wanted, login).run(stop)


class Operator:
    """One process: waits for the Lease, leads, and ends with a status."""

    def __init__(self, server: Api, settings: Settings, wanted: Sequence[Body], login: Login) -> None:
        self._server = server
        self._settings = settings
        self._wanted = wanted
        self._login = login
        self._metrics = Metrics()
        self.metrics_server = MetricsServer(settings.metrics, settings.metrics_tls, self._metrics, server)
        self._leader: Leader | None = None
        self.port = 0

    async def run(self, stop: asyncio.Event) -> int:
        served = health.served(
            self._settings.health,
            live=(),
            ready=(self._unready_reason,),
            metrics=self._metrics,
            exposed=not self._settings.metrics,
        )
        async with served as self.port:
            try:
                async with asyncio.TaskGroup() as tasks:
                    leading = tasks.create_task(self._lead(), name="leader")
                    stopping = tasks.create_task(stop.wait(), name="stop")
                    scraped = tasks.create_task(self.metrics_server.run(), name="metrics")
                    await asyncio.wait((leading, stopping), return_when=asyncio.FIRST_COMPLETED)
                    status = NO_LEADER if leading.done() else program.OK
                    leading.cancel()
                    stopping.cancel()
                    scraped.cancel()
            except* Exception:  # noqa: BLE001  # whatever it is, the container restarts
                _log.exception("the operator ends")
                status = program.FAILED
        return status

    async def _lead(self) -> None:
        """Returns once the Lease is lost."""
        settings = self._settings
        async with Lease(self._server, settings.namespace, settings.lease, settings.identity).held() as lost:
            self._metrics.leader.set(1)
            self._leader = Leader(self._server, settings, self._wanted, self._metrics, self._login)
            async with asyncio.TaskGroup() as tasks:
                work = tasks.create_task(self._leader.run(), name="work")
                await lost.wait()
                work.cancel()

    def _unready_reason(self) -> str | None:
        """None for a candidate that waits for the Lease: it is ready to acquire it."""
        return self._leader.unready_reason() if self._leader else None


if __name__ == "__main__":
    sys.exit(main())
