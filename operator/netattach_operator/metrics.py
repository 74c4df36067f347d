"""What Prometheus can ask of the operator."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """All of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.leader = Gauge(
            "netattach_operator_leader", "1 where this process holds the Lease", registry=self.registry
        )
        self.reconcile = Histogram(
            "netattach_reconcile_seconds",
            "Time to validate a NAD and to write its status",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.failures = Counter(
            "netattach_reconcile_failures", "Reconciles that have to be tried again", registry=self.registry
        )
        self.nads = Gauge(
            "netattach_nads",
            "NetworkAttachmentDefinitions by what the validator says",
            ["valid"],
            registry=self.registry,
        )
        self.expiry = Gauge(
            "netattach_certificate_expiry_timestamp_seconds",
            "When the certificate expires, in Unix time",
            ["certificate"],
            registry=self.registry,
        )
        self.crds = Counter(
            "netattach_crd_applied",
            "CRDs that were written because the server's differed",
            ["crd"],
            registry=self.registry,
        )
