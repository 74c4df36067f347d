"""The operator: settings, the Lease, and what ends the process."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version

from netattach_core.api.objects import Body
from netattach_kube import api, health, program
from netattach_kube.api import Api
from netattach_kube.lease import Lease
from netattach_operator import crds, handlers, settings
from netattach_operator.handlers import Login
from netattach_operator.leading import Leader
from netattach_operator.metrics import Metrics
from netattach_operator.settings import Settings

_log = logging.getLogger(__name__)

NO_LEADER = 3
"""Exit status: the Lease is another's now; the others are those of every program."""

_Loaded = tuple[Settings, Sequence[Body]]


def main() -> int:
    """Runs until SIGTERM or SIGINT, or until it does not lead any more: the pod is started anew then, with nothing left over."""
    return program.main("netattach-operator", _load, _serve)


def _load() -> _Loaded:
    read = settings.from_environment()
    return read, crds.read(read.crds)


async def _serve(loaded: _Loaded, stop: asyncio.Event) -> int:
    read, wanted = loaded
    async with api.connected("netattach-operator", version("netattach"), read.kubeconfig) as server:
        return await Operator(server, read, wanted, handlers.login(read)).run(stop)


class Operator:
    """One process: waits for the Lease, leads, and ends with a status."""

    def __init__(self, server: Api, read: Settings, wanted: Sequence[Body], login: Login) -> None:
        self._server = server
        self._settings = read
        self._wanted = wanted
        self._login = login
        self._metrics = Metrics()
        self._leader: Leader | None = None
        self.port = 0

    async def run(self, stop: asyncio.Event) -> int:
        served = health.served(
            self._settings.health, live=(), ready=(self._problem,), metrics=self._metrics.registry
        )
        async with served as self.port:
            try:
                async with asyncio.TaskGroup() as tasks:
                    leading = tasks.create_task(self._lead(), name="leader")
                    stopping = tasks.create_task(stop.wait(), name="stop")
                    await asyncio.wait((leading, stopping), return_when=asyncio.FIRST_COMPLETED)
                    status = NO_LEADER if leading.done() else program.OK
                    leading.cancel()
                    stopping.cancel()
            except* Exception:  # noqa: BLE001  # whatever it is, the pod is started anew
                _log.exception("the operator ends")
                status = program.FAILED
        return status

    async def _lead(self) -> None:
        """Returns where the Lease is lost."""
        read = self._settings
        async with Lease(self._server, read.namespace, read.lease, read.identity).held() as lost:
            self._metrics.leader.set(1)
            self._leader = Leader(self._server, read, self._wanted, self._metrics, self._login)
            async with asyncio.TaskGroup() as tasks:
                work = tasks.create_task(self._leader.run(), name="work")
                await lost.wait()
                work.cancel()

    def _problem(self) -> str | None:
        """A candidate that waits for the Lease is ready to take it."""
        return self._leader.problem() if self._leader else None


if __name__ == "__main__":
    sys.exit(main())
