"""Probes and metrics of each program: /healthz, /readyz and /metrics over plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from netattach_kube.http_server import HttpServer, Limits

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Check = Callable[[], str | None]
"""The problem, None where there is none; called for each request, so it has to be fast."""

_LIMITS = Limits(connections=100, per_address=50)
"""Kubelet and Prometheus have a few connections each."""


@asynccontextmanager
async def served(
    address: str, *, live: Iterable[Check], ready: Iterable[Check], metrics: CollectorRegistry
) -> AsyncIterator[int]:
    """Serves on `host:port` (port 0: any free one) until the end of the block; yields the port."""
    app = web.Application()
    app.router.add_get("/healthz", _probe(list(live)))
    app.router.add_get("/readyz", _probe(list(ready)))
    app.router.add_get("/metrics", _exposition(metrics))
    async with HttpServer(app, _LIMITS).listening(address) as port:
        yield port


def _probe(checks: Iterable[Check]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        problems = [problem for check in checks if (problem := check())]
        return web.Response(status=503 if problems else 200, text="\n".join(problems or ["ok"]) + "\n")

    return answer


def _exposition(metrics: CollectorRegistry) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(metrics), headers=headers)

    return answer
