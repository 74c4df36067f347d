"""Probes and metrics over HTTP."""

import asyncio

from aiohttp import ClientSession
from prometheus_client import Counter

from netattach_core.version import VERSION
from netattach_kube import health
from netattach_kube.program_metrics import ProgramMetrics


def test_a_probe_has_the_problems_and_metrics_are_served() -> None:
    async def story() -> list[tuple[int, str]]:
        metrics = ProgramMetrics("daemon")
        Counter("netattach_things", "Things.", registry=metrics.registry).inc()
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
    assert f'netattach_build_info{{component="daemon",version="{VERSION}"}} 1.0' in metrics
    assert "process_resident_memory_bytes" in metrics
    assert "_created" not in metrics


def test_readiness_is_a_metric_too() -> None:
    async def story() -> list[float | None]:
        metrics, problems = ProgramMetrics("daemon"), ["no cache yet"]
        checks = health.served(
            "127.0.0.1:0", live=[], ready=[lambda: next(iter(problems), None)], metrics=metrics
        )
        async with checks:
            before = metrics.registry.get_sample_value("netattach_ready")
            problems.clear()
            return [before, metrics.registry.get_sample_value("netattach_ready")]

    assert [0, 1] == asyncio.run(story())
