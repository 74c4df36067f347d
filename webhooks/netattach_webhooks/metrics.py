"""Metrics for Prometheus."""

from __future__ import annotations

import enum

from prometheus_client import Counter, Gauge, Histogram

from netattach_kube.program_metrics import ProgramMetrics

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds."""


class Outcome(enum.StrEnum):
    """How a request ended; all but the first two are answered with an HTTP error, and the failurePolicy applies."""

    ALLOWED = "allowed"
    DENIED = "denied"
    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    UNDECIDED = "undecided"
    OVERLOADED = "overloaded"
    TIMED_OUT = "timed-out"
    FAILED = "failed"


class MutationOutcome(enum.StrEnum):
    """What a new pod got of one change: it was added, a warning says what would be added or cannot be, or it lacked nothing."""

    ADDED = "added"
    WARNED = "warned"
    UNCHANGED = "unchanged"


class Metrics(ProgramMetrics):
    """All metrics of this process."""

    def __init__(self) -> None:
        super().__init__("webhooks")
        self.requests = Counter(
            "netattach_webhook_requests",
            "Admission reviews, by the kind of review and its outcome",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.findings = Counter(
            "netattach_webhook_findings",
            "Findings in admission reviews, by rule and severity",
            ["rule", "severity"],
            registry=self.registry,
        )
        self.policy_findings = Counter(
            "netattach_policy_findings",
            "Findings of policy in admission reviews, by rule, namespace and mode (enforce: the object was refused)",
            ["rule", "namespace", "mode"],
            registry=self.registry,
        )
        self.mutations = Counter(
            "netattach_webhook_mutations",
            "New pods with networks, by the change (the name of its setting) and its outcome",
            ["change", "outcome"],
            registry=self.registry,
        )
        self.review_duration = Histogram(
            "netattach_webhook_review_duration_seconds",
            "Time from the arrival of an admission review to its response",
            ["kind"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.connections = Gauge(
            "netattach_webhook_connections",
            "Open connections, those in a TLS handshake included",
            registry=self.registry,
        )
        self.connections_closed = Counter(
            "netattach_webhook_connections_closed",
            "Connections that the server refused or closed, by the reason",
            ["reason"],
            registry=self.registry,
        )
        self.certificate_expiry = Gauge(
            "netattach_certificate_expiry_timestamp_seconds",
            "When the serving certificate expires, in Unix time",
            ["certificate"],
            registry=self.registry,
        )
        self.certificate_rejected = Gauge(
            "netattach_webhook_certificate_rejected",
            "1 while the certificate in the Secret cannot be served; the one before it continues to be served",
            registry=self.registry,
        )
        self.client_ca_rejected = Gauge(
            "netattach_webhook_client_ca_rejected",
            "1 while the CA bundle for client certificates cannot be used; no client is served meanwhile",
            registry=self.registry,
        )

    def forget_namespace(self, namespace: str) -> None:
        """Drops the counters of a namespace that is gone: namespaces come and go as long as the process lives."""
        self.policy_findings.remove_by_labels({"namespace": namespace})
