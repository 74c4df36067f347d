"""The daemon's Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 240)


class Metrics:
    """`registry` is served; `observe` records each call, gauges call their function when they are scraped."""

    def __init__(
        self,
        *,
        status_writes: Callable[[], int],
        ledger_entries: Callable[[], int],
        contested: Callable[[], bool],
        unmet_pods: Callable[[], int],
    ) -> None:
        self.registry = CollectorRegistry()
        self._calls = Histogram(
            "netattach_cni_call_duration_seconds",
            "Duration of the container runtime's CNI calls.",
            ["command", "outcome"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        for name, text, count in (
            (
                "netattach_pending_status_writes",
                "network-status annotations that are not written yet.",
                status_writes,
            ),
            ("netattach_ledger_entries", "Sandboxes in the ledger.", ledger_entries),
            (
                "netattach_cni_config_contested",
                "1 while another program keeps netattach's CNI config from being the first of the node.",
                contested,
            ),
            ("netattach_unmet_pods", "Running pods of this node that lack a network.", unmet_pods),
        ):
            Gauge(name, text, registry=self.registry).set_function(count)

        self._policy = Counter(
            "netattach_policy_denials",
            "What policy refused at ADD (mode enforce), or would have refused (warn, audit), by rule.",
            ["rule", "mode"],
            registry=self.registry,
        )

        self._losses = Counter(
            "netattach_cni_config_losses",
            "How often netattach's CNI config was found removed, renamed, replaced or preceded by another one.",
            registry=self.registry,
        )

    def cni_config_lost(self) -> None:
        self._losses.inc()

    def policy_found(self, rule: str, mode: str) -> None:
        self._policy.labels(rule, mode).inc()

    def observe(self, command: str, succeeded: bool, seconds: float) -> None:  # noqa: FBT001  # the port's shape
        known = command if command in {"ADD", "DEL", "CHECK", "STATUS", "GC"} else "other"
        self._calls.labels(known, "success" if succeeded else "failure").observe(seconds)
