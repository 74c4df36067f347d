"""Probes and metrics of each program: /healthz, /readyz and /metrics over plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from netattach_kube.http_server import HttpServer, Limits
from netattach_kube.program_metrics import ProgramMetrics

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Check = Callable[[], str | None]
"""The problem, None where there is none; called for each request, so it has to be fast."""

_LIMITS = Limits(connections=100, per_address=50)
"""Kubelet and Prometheus have a few connections each."""


@asynccontextmanager
async def served(
    address: str,
    *,
    live: Iterable[Check],
    ready: Iterable[Check],
    metrics: ProgramMetrics,
    exposed: bool = True,
) -> AsyncIterator[int]:
    """Serves on `host:port` (port 0: any free one) until the end of the block; yields the port.

    Without `exposed` no metrics: another server has them, for clients that may read them.
    """
    alive, prepared = list(live), list(ready)
    metrics.ready.set_function(lambda: not _problems(prepared))
    app = web.Application()
    app.router.add_get("/healthz", _probe(alive))
    app.router.add_get("/readyz", _probe(prepared))
    if exposed:
        app.router.add_get("/metrics", _metrics(metrics))
    async with HttpServer(app, _LIMITS).listening(address) as port:
        yield port


def _problems(checks: Iterable[Check]) -> list[str]:
    return [problem for check in checks if (problem := check())]


def _probe(checks: Iterable[Check]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        problems = _problems(checks)
        return web.Response(status=503 if problems else 200, text="\n".join(problems or ["ok"]) + "\n")

    return answer


def exposition(metrics: ProgramMetrics) -> web.Response:
    """All metrics, in the text format of Prometheus."""
    headers = {"Content-Type": CONTENT_TYPE_LATEST}
    return web.Response(body=generate_latest(metrics.registry), headers=headers)


def _metrics(metrics: ProgramMetrics) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return exposition(metrics)

    return answer
