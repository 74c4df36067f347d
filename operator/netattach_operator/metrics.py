"""The operator's metrics for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from netattach_kube.program_metrics import ProgramMetrics

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics(ProgramMetrics):
    """All metrics of one process."""

    def __init__(self) -> None:
        super().__init__("operator")
        self.leader = Gauge(
            "netattach_operator_leader",
            "1 where this process holds the Lease, else 0",
            registry=self.registry,
        )
        self.reconcile_duration = Histogram(
            "netattach_reconcile_duration_seconds",
            "Time to validate a NAD and to write its status",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.reconcile_failures = Counter(
            "netattach_reconcile_failures", "Reconciles that failed and are retried", registry=self.registry
        )
        self.nads = Gauge(
            "netattach_nads",
            "NetworkAttachmentDefinitions, by whether the validator found them valid",
            ["valid"],
            registry=self.registry,
        )
        self.certificate_expiry = Gauge(
            "netattach_certificate_expiry_timestamp_seconds",
            "When the certificate expires, in Unix time",
            ["certificate"],
            registry=self.registry,
        )
        self.trusted_cas = Gauge(
            "netattach_trusted_cas",
            "CAs in the bundle that API servers trust: more than 1 while a previous one may still be needed",
            registry=self.registry,
        )
        self.crd_applies = Counter(
            "netattach_crd_applies",
            "Applies of a CRD that differed from the one in the image",
            ["crd"],
            registry=self.registry,
        )
