"""The operator: settings, the Lease, and what ends the process."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version

from netattach_core.errors import ConfigError
from netattach_kube import api, health
from netattach_kube.api import Api
from netattach_kube.lease import Lease
from netattach_operator import crds, handlers, settings
from netattach_operator.crds import Body
from netattach_operator.handlers import Login
from netattach_operator.leading import Leader
from netattach_operator.metrics import Metrics
from netattach_operator.settings import Settings

_log = logging.getLogger(__name__)

DONE, FAILED, MISUSED, NO_LEADER = 0, 1, 2, 3
"""Exit statuses: told to end; a defect or kopf ended; settings that cannot be read, or no cluster; the Lease is another's now."""


def main() -> int:
    """Runs until SIGTERM or SIGINT, or until it does not lead any more: the pod is started anew then, with nothing left over."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        read = settings.from_environment()
        wanted = crds.read(read.crds)
    except (ValueError, ConfigError) as error:
        return _misused(error)
    try:
        return asyncio.run(_run(read, wanted))
    except ConfigError as error:
        return _misused(error)


def _misused(error: Exception) -> int:
    print(f"netattach-operator: {error}", file=sys.stderr)  # noqa: T201  # before there is anything to log
    return MISUSED


async def _run(read: Settings, wanted: Sequence[Body]) -> int:
    stop = _stop_on_signal()
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
                    status = NO_LEADER if leading.done() else DONE
                    leading.cancel()
                    stopping.cancel()
            except* Exception:  # noqa: BLE001  # whatever it is, the pod is started anew
                _log.exception("the operator ends")
                status = FAILED
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


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


if __name__ == "__main__":
    sys.exit(main())
