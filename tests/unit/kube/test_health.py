"""Probes and metrics over HTTP."""

import asyncio

from aiohttp import ClientSession
from prometheus_client import CollectorRegistry, Counter

from netattach_kube import health


def test_a_probe_has_the_problems_and_metrics_are_served() -> None:
    async def story() -> list[tuple[int, str]]:
        metrics = CollectorRegistry()
        Counter("netattach_things", "Things.", registry=metrics).inc()
        checks = health.served(
            "127.0.0.1:0", live=[lambda: None], ready=[lambda: None, lambda: "no cache yet"], metrics=metrics
        )
        async with checks as port, ClientSession() as client:
            responses = []
            for path in ("healthz", "readyz", "metrics"):
                async with client.get(f"http://127.0.0.1:{port}/{path}") as response:
                    responses.append((response.status, await response.text()))
            return responses

    (live, ready, (status, metrics)) = asyncio.run(story())

    assert (200, "ok\n") == live
    assert (503, "no cache yet\n") == ready
    assert 200 == status
    assert "netattach_things_total 1.0" in metrics
