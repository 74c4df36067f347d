"""The metrics that all programs have: their version, whether they are ready, and their process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, disable_created_metrics

from netattach_core.version import VERSION


class ProgramMetrics:
    """All metrics of one process, in a registry of its own; each program adds its own ones in a subclass."""

    def __init__(self, component: str) -> None:
        """`component`: operator, webhooks or daemon."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, which nobody queries
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Gauge(
            "netattach_build_info",
            "1; the labels have the version of the program.",
            ["version", "component"],
            registry=self.registry,
        ).labels(VERSION, component).set(1)
        self.ready = Gauge(
            "netattach_ready",
            "1 while the program is ready, as its probe /readyz is.",
            registry=self.registry,
        )
